// name: read/unit
// All that is stored of some raw components. Rows of users, identifiers, links and journeys as in `tables.py`, of
// touchpoints as `tables.EVENTS`, of records as `tables.EVENTS` and the anchor; times in microseconds since 1970;
// `stage` of an event is the row's own.
//   $components  list of strings, names of raw components
//   $anchors     list of strings, those of them that are the name of a single event, `event:<key>`
WITH localdatetime('1970-01-01') AS epoch
WITH epoch,
  COLLECT {
    UNWIND $components AS component
    MATCH (u:User {component: component})
    RETURN [
      u.key, u.component,
      duration.inSeconds(epoch, u.first_seen).seconds * 1000000 + u.first_seen.microsecond,
      duration.inSeconds(epoch, u.last_seen).seconds * 1000000 + u.last_seen.microsecond,
      u.traits, u.excluded
    ]
  } AS users,
  COLLECT {
    UNWIND $components AS component
    MATCH (i:Identifier {component: component})
    OPTIONAL MATCH (i)<-[:HAS]-(u:User)
    RETURN [
      i.key, i.type, i.value, i.status, u.key, i.component,
      duration.inSeconds(epoch, i.first_seen).seconds * 1000000 + i.first_seen.microsecond,
      duration.inSeconds(epoch, i.last_seen).seconds * 1000000 + i.last_seen.microsecond,
      i.user_key
    ]
  } AS identifiers,
  COLLECT {
    UNWIND $components AS component
    MATCH (a:Identifier)-[s:SEEN_WITH {component: component}]->(b:Identifier)
    RETURN [
      a.key, b.key, s.component, s.count,
      duration.inSeconds(epoch, s.first_seen).seconds * 1000000 + s.first_seen.microsecond,
      duration.inSeconds(epoch, s.last_seen).seconds * 1000000 + s.last_seen.microsecond,
      s.sources, s.confidence, s.declared, s.accepted, s.reason
    ]
  } AS links,
  COLLECT {
    UNWIND $components AS component
    MATCH (j:Journey {component: component})
    RETURN [
      j.key, j.user, j.component, toInteger(j.times[0]), toInteger(j.times[-1]), j.steps, j.converted, j.value, j.currency,
      j.touchpoints, j.names, j.channels, coalesce(j.stages, ['']), j.times, j.values
    ]
  } AS journeys
RETURN users, identifiers, links, journeys,
  COLLECT {
    UNWIND journeys AS journey
    UNWIND journey[9] AS key
    MATCH (t:Touchpoint {key: key})
    RETURN [
      t.key, t.kind, t.source,
      duration.inSeconds(epoch, t.at).seconds * 1000000 + t.at.microsecond,
      t.name, t.channel,
      CASE WHEN t.own_stage IS NULL THEN t.stage WHEN t.own_stage <> '' THEN t.own_stage END,
      t.value, t.cost, t.currency, t.sentiment, t.question, t.identifiers, t.traits, t.properties, t.confidence
    ]
  } AS touchpoints,
  COLLECT {
    UNWIND $anchors + [identifier IN identifiers | identifier[0]] AS anchor
    MATCH (t:Record {anchor: anchor})
    RETURN [
      t.key, t.kind, t.source,
      duration.inSeconds(epoch, t.at).seconds * 1000000 + t.at.microsecond,
      t.name, t.channel,
      CASE WHEN t.own_stage IS NULL THEN t.stage WHEN t.own_stage <> '' THEN t.own_stage END,
      t.value, t.cost, t.currency, t.sentiment, t.question, t.identifiers, t.traits, t.properties, t.confidence, t.anchor
    ]
  } AS records
