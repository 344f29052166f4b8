// name: schema/await
// Waits until every index answers.
//   $seconds  integer, the longest wait
CALL db.awaitIndexes($seconds)
