// name: schema/record_key
// Every :Record (a stored row that is no touchpoint) has a key of its own.
CREATE CONSTRAINT record_key IF NOT EXISTS FOR (n:Record) REQUIRE n.key IS UNIQUE
