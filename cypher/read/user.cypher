// name: read/user
// One user with what belongs to it: rows of users, identifiers and journeys as in `tables.py`, times in
// microseconds since 1970; and, read after them, the last commit that began.
//   $key  string, user key
MATCH (u:User {key: $key})
WITH u, localdatetime('1970-01-01') AS epoch
WITH
  [[
    u.key, u.component,
    duration.inSeconds(epoch, u.first_seen).seconds * 1000000 + u.first_seen.microsecond,
    duration.inSeconds(epoch, u.last_seen).seconds * 1000000 + u.last_seen.microsecond,
    u.traits, u.excluded
  ]] AS users,
  COLLECT {
    MATCH (u)-[:HAS]->(i:Identifier)
    RETURN [
      i.key, i.type, i.value, i.status, u.key, i.component,
        duration.inSeconds(epoch, i.first_seen).seconds * 1000000 + i.first_seen.microsecond,
        duration.inSeconds(epoch, i.last_seen).seconds * 1000000 + i.last_seen.microsecond,
        i.user_key
    ]
  } AS identifiers,
  COLLECT {
    MATCH (u)-[:TOOK]->(j:Journey)
    RETURN [
      j.key, j.user, j.component, toInteger(j.times[0]), toInteger(j.times[-1]), j.steps, j.converted, j.value,
        j.currency, j.touchpoints, j.names, j.channels, coalesce(j.stages, ['']), j.times, j.values
    ]
  } AS journeys
OPTIONAL MATCH (c:Commit {key: 'commit'})
RETURN users, identifiers, journeys, coalesce(c.begun, 0) AS begun
