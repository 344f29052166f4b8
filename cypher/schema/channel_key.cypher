// name: schema/channel_key
// Every :Channel (where interactions happen) has a key of its own.
CREATE CONSTRAINT channel_key IF NOT EXISTS FOR (n:Channel) REQUIRE n.key IS UNIQUE
