// name: schema/identifier_key
// Every :Identifier (a (type, value) pair that points at a person) has a key of its own.
CREATE CONSTRAINT identifier_key IF NOT EXISTS FOR (n:Identifier) REQUIRE n.key IS UNIQUE
