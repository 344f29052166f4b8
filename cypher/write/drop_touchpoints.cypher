// name: write/drop_touchpoints
// Removes touchpoints and names the channels that may have lost their last one.
//   $rows  list of maps: key
UNWIND $rows AS row
MATCH (t:Touchpoint {key: row.key})
WITH t, t.channel AS channel
DETACH DELETE t
RETURN DISTINCT channel
