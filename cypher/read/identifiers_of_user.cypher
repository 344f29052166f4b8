// name: read/identifiers_of_user
// The identifiers of one user. Columns as `tables.IDENTIFIERS`, times in microseconds since 1970.
//   $key  string, user key
MATCH (u:User {key: $key})-[:HAS]->(i:Identifier)
WITH i, u, localdatetime('1970-01-01') AS epoch
RETURN i.key, i.type, i.value, i.status, u.key, i.component,
       duration.inSeconds(epoch, i.first_seen).seconds * 1000000 + i.first_seen.microsecond,
       duration.inSeconds(epoch, i.last_seen).seconds * 1000000 + i.last_seen.microsecond
