// name: read/await_indexes
// Waits until every index answers.
//   $seconds  integer, the longest wait
CALL db.awaitIndexes($seconds)
