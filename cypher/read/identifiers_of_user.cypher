// name: read/identifiers_of_user
// The identifiers of one user. Columns as `tables.IDENTIFIERS`, times in microseconds since 1970.
//   $key  string, user key
MATCH (u:User {key: $key})-[:HAS]->(i:Identifier)
RETURN i.key, i.type, i.value, i.status, u.key, i.component, datetime({datetime: i.first_seen, timezone: 'UTC'}).epochSeconds * 1000000 + i.first_seen.microsecond, datetime({datetime: i.last_seen, timezone: 'UTC'}).epochSeconds * 1000000 + i.last_seen.microsecond
