// name: schema/touchpoint_key
// Every :Touchpoint (one stored interaction) has a key of its own.
CREATE CONSTRAINT touchpoint_key IF NOT EXISTS FOR (n:Touchpoint) REQUIRE n.key IS UNIQUE
