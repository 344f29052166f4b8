// name: write/put_erasures
// Writes erasures, new ones or in place of those with their key. They hold hashes and no personal data.
//   $rows  list of maps: every property of an erasure; times in microseconds since 1970
WITH localdatetime('1970-01-01') AS epoch
UNWIND $rows AS row
MERGE (e:Erasure {key: row.key})
SET e = row,
    e.requested_at = epoch + duration({microseconds: row.requested_at}),
    e.cutoff = epoch + duration({microseconds: row.cutoff})
