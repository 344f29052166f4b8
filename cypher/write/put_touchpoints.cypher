// name: write/put_touchpoints
// Writes touchpoints whole, new ones or in place of those with their key.
//   $rows  list of maps: every property of a touchpoint
UNWIND $rows AS row
MERGE (t:Touchpoint {key: row.key})
SET t = row
