// name: read/touchpoints_after
// The next page of the stored events among all touchpoints, by key. Rows as `tables.EVENTS`, `at` in microseconds
// since 1970; `stage` is the row's own.
//   $after  string, the `last` key of the page before (empty at first)
//   $limit  integer, how many
MATCH (t:Touchpoint)
WHERE t.key > $after
WITH t ORDER BY t.key LIMIT $limit
WITH t, localdatetime('1970-01-01') AS epoch
RETURN collect(t.key)[-1] AS last, collect([
  t.key, t.kind, t.source,
  duration.inSeconds(epoch, t.at).seconds * 1000000 + t.at.microsecond,
  t.name, t.channel,
  CASE WHEN t.own_stage IS NULL THEN t.stage WHEN t.own_stage <> '' THEN t.own_stage END,
  t.value, t.cost, t.currency, t.sentiment, t.question, t.identifiers, t.traits, t.properties, t.confidence
]) AS rows
