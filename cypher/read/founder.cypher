// name: read/founder
// The identifier that a user key is made of. Rows as `tables.IDENTIFIERS`, times in microseconds since 1970.
//   $key  string, user key
MATCH (i:Identifier {user_key: $key})
OPTIONAL MATCH (i)<-[:HAS]-(u:User)
WITH i, u, localdatetime('1970-01-01') AS epoch
RETURN collect([
  i.key, i.type, i.value, i.status, u.key, i.component,
  duration.inSeconds(epoch, i.first_seen).seconds * 1000000 + i.first_seen.microsecond,
  duration.inSeconds(epoch, i.last_seen).seconds * 1000000 + i.last_seen.microsecond,
  i.user_key
]) AS rows
