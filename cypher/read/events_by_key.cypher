// name: read/events_by_key
// The stored events that have one of some keys. Rows as `tables.EVENTS`, `at` in microseconds since 1970; `stage` is
// the row's own.
//   $keys  list of strings, event keys
WITH localdatetime('1970-01-01') AS epoch
RETURN
  COLLECT {
    UNWIND $keys AS key
    MATCH (t:Touchpoint {key: key})
    RETURN [
      t.key, t.kind, t.source,
      duration.inSeconds(epoch, t.at).seconds * 1000000 + t.at.microsecond,
      t.name, t.channel,
      CASE WHEN t.own_stage IS NULL THEN t.stage WHEN t.own_stage <> '' THEN t.own_stage END,
      t.value, t.cost, t.currency, t.sentiment, t.question, t.identifiers, t.traits, t.properties, t.confidence
    ]
  } + COLLECT {
    UNWIND $keys AS key
    MATCH (t:Record {key: key})
    RETURN [
      t.key, t.kind, t.source,
      duration.inSeconds(epoch, t.at).seconds * 1000000 + t.at.microsecond,
      t.name, t.channel,
      CASE WHEN t.own_stage IS NULL THEN t.stage WHEN t.own_stage <> '' THEN t.own_stage END,
      t.value, t.cost, t.currency, t.sentiment, t.question, t.identifiers, t.traits, t.properties, t.confidence
    ]
  } AS rows
