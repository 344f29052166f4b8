// name: write/put_kinds
// Sets the kind of channels.
//   $rows  list of maps: key, kind (digital or offline)
UNWIND $rows AS row
MATCH (c:Channel {key: row.key})
SET c.kind = row.kind
