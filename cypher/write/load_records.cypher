// name: write/load_records
// Creates the records of a first load.
//   $rows  list of maps: every property of a record; times in microseconds since 1970
WITH localdatetime('1970-01-01') AS epoch
UNWIND $rows AS row
CREATE (r:Record)
SET r = row,
    r.at = CASE WHEN row.at IS NOT NULL THEN epoch + duration({microseconds: row.at}) END
