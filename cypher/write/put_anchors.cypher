// name: write/put_anchors
// Hangs records on other identifiers.
//   $rows  list of maps: key, anchor
UNWIND $rows AS row
MATCH (r:Record {key: row.key})
SET r.anchor = row.anchor
