// name: write/put_touchpoints
// Writes touchpoints whole, new ones or in place of those with their key.
//   $rows  list of maps: every property of a touchpoint; times in microseconds since 1970
WITH localdatetime('1970-01-01') AS epoch
UNWIND $rows AS row
MERGE (t:Touchpoint {key: row.key})
SET t = row,
    t.at = epoch + duration({microseconds: row.at})
