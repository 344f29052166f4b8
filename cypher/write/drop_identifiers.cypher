// name: write/drop_identifiers
// Removes identifiers, with their relationships.
//   $rows  list of maps: key
UNWIND $rows AS row
MATCH (n:Identifier {key: row.key})
DETACH DELETE n
