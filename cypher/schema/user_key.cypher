// name: schema/user_key
// Every :User (a resolved person) has a key of its own.
CREATE CONSTRAINT user_key IF NOT EXISTS FOR (n:User) REQUIRE n.key IS UNIQUE
