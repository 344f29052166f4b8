// name: schema/commit_key
// Every :Commit (the fence by which readers notice a commit under way) has a key of its own.
CREATE CONSTRAINT commit_key IF NOT EXISTS FOR (n:Commit) REQUIRE n.key IS UNIQUE
