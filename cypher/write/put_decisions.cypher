// name: write/put_decisions
// Writes decisions, new ones or in place of those with their key.
//   $rows  list of maps: every property of a decision; times in microseconds since 1970
WITH localdatetime('1970-01-01') AS epoch
UNWIND $rows AS row
MERGE (d:Decision {key: row.key})
SET d = row,
    d.decided_at = epoch + duration({microseconds: row.decided_at})
