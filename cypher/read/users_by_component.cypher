// name: read/users_by_component
// The users of some raw components. Rows as `tables.USERS`, times in microseconds since 1970.
//   $components  list of strings, names of raw components
UNWIND $components AS component
MATCH (u:User {component: component})
WITH u, localdatetime('1970-01-01') AS epoch
RETURN collect([
  u.key, u.component,
  duration.inSeconds(epoch, u.first_seen).seconds * 1000000 + u.first_seen.microsecond,
  duration.inSeconds(epoch, u.last_seen).seconds * 1000000 + u.last_seen.microsecond,
  u.traits, u.excluded
]) AS rows
