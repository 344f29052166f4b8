// name: read/records_by_anchor
// The records of some raw components. Rows as `tables.EVENTS` and the anchor, `at` in microseconds since 1970;
// `stage` is the row's own.
//   $anchors  list of strings, their identifiers and `event:<key>` names
UNWIND $anchors AS anchor
MATCH (t:Record {anchor: anchor})
WITH t, localdatetime('1970-01-01') AS epoch
RETURN collect([
  t.key, t.kind, t.source,
  duration.inSeconds(epoch, t.at).seconds * 1000000 + t.at.microsecond,
  t.name, t.channel,
  CASE WHEN t.own_stage IS NULL THEN t.stage WHEN t.own_stage <> '' THEN t.own_stage END,
  t.value, t.cost, t.currency, t.sentiment, t.question, t.identifiers, t.traits, t.properties, t.confidence, t.anchor
]) AS rows
