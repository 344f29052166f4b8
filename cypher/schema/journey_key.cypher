// name: schema/journey_key
// Every :Journey (one user's ordered touchpoints) has a key of its own.
CREATE CONSTRAINT journey_key IF NOT EXISTS FOR (n:Journey) REQUIRE n.key IS UNIQUE
