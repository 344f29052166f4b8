// name: write/touchpoints_to_records
// Turns touchpoints into records (their user is excluded now, or their name is). They leave their journey and channel
// and take back the stage of their row. Names the channels that may have lost their last touchpoint.
//   $rows  list of maps: key, anchor (identifier that the record hangs on)
UNWIND $rows AS row
MATCH (t:Touchpoint {key: row.key})
OPTIONAL MATCH (t)-[tie:VIA|NEXT|STARTS]-()
DELETE tie
WITH DISTINCT t, row, t.channel AS channel
SET t.stage = CASE WHEN t.own_stage IS NULL THEN t.stage WHEN t.own_stage <> '' THEN t.own_stage END,
    t.own_stage = null, t.step = null, t.anchor = row.anchor
REMOVE t:Touchpoint
SET t:Record
RETURN DISTINCT channel
