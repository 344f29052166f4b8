// name: write/begin_commit
// Tells readers that a commit begins: what they read from now on may be half of it.
MERGE (c:Commit {key: 'commit'})
SET c.begun = coalesce(c.begun, 0) + 1
RETURN c.begun AS begun
