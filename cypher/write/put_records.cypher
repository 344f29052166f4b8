// name: write/put_records
// Writes records whole, new ones or in place of those with their key.
//   $rows  list of maps: every property of a record; times in microseconds since 1970
WITH localdatetime('1970-01-01') AS epoch
UNWIND $rows AS row
MERGE (r:Record {key: row.key})
SET r = row,
    r.at = CASE WHEN row.at IS NOT NULL THEN epoch + duration({microseconds: row.at}) END
