// name: write/put_steps
// Moves touchpoints within their journey and gives them its stage; the row's own stage is kept beside where it differs.
//   $rows  list of maps: key, step (from 1), stage (empty for none)
UNWIND $rows AS row
MATCH (t:Touchpoint {key: row.key})
WITH t, row, CASE WHEN t.own_stage IS NULL THEN coalesce(t.stage, '') ELSE t.own_stage END AS own
SET t.step = row.step,
    t.stage = CASE WHEN row.stage <> '' THEN row.stage END,
    t.own_stage = CASE WHEN own <> row.stage THEN own END
