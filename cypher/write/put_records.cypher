// name: write/put_records
// Writes records whole, new ones or in place of those with their key.
//   $rows  list of maps: every property of a record
UNWIND $rows AS row
MERGE (r:Record {key: row.key})
SET r = row
