// name: write/records_to_touchpoints
// Turns records into touchpoints; their step, stage and channel follow.
//   $rows  list of maps: key
UNWIND $rows AS row
MATCH (r:Record {key: row.key})
REMOVE r:Record, r.anchor
SET r:Touchpoint
