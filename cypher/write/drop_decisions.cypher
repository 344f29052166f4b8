// name: write/drop_decisions
// Removes decisions.
//   $rows  list of maps: key
UNWIND $rows AS row
MATCH (n:Decision {key: row.key})
DELETE n
