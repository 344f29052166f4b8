// name: write/drop_erasures
// Removes erasures.
//   $rows  list of maps: key
UNWIND $rows AS row
MATCH (n:Erasure {key: row.key})
DELETE n
