// name: read/identifiers_by_component
// The identifiers of some raw components. Rows as `tables.IDENTIFIERS`, times in microseconds since 1970.
//   $components  list of strings, names of raw components
UNWIND $components AS component
MATCH (i:Identifier {component: component})
OPTIONAL MATCH (i)<-[:HAS]-(u:User)
WITH i, u, localdatetime('1970-01-01') AS epoch
RETURN collect([
  i.key, i.type, i.value, i.status, u.key, i.component,
  duration.inSeconds(epoch, i.first_seen).seconds * 1000000 + i.first_seen.microsecond,
  duration.inSeconds(epoch, i.last_seen).seconds * 1000000 + i.last_seen.microsecond,
  i.user_key
]) AS rows
