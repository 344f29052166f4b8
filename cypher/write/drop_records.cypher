// name: write/drop_records
// Removes records.
//   $rows  list of maps: key
UNWIND $rows AS row
MATCH (r:Record {key: row.key})
DETACH DELETE r
