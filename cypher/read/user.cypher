// name: read/user
// One user. Columns as `tables.USERS`, times in microseconds since 1970.
//   $key  string, user key
MATCH (u:User {key: $key})
WITH u, localdatetime('1970-01-01') AS epoch
RETURN u.key, u.component,
       duration.inSeconds(epoch, u.first_seen).seconds * 1000000 + u.first_seen.microsecond,
       duration.inSeconds(epoch, u.last_seen).seconds * 1000000 + u.last_seen.microsecond,
       u.traits, u.excluded
