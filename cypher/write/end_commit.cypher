// name: write/end_commit
// Tells readers that the commit is there as a whole.
//   $begun  integer, the number that `write/begin_commit` gave
MATCH (c:Commit {key: 'commit'})
SET c.ended = $begun
