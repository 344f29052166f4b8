// name: read/user
// One user. Columns as `tables.USERS`, times in microseconds since 1970.
//   $key  string, user key
MATCH (u:User {key: $key})
RETURN u.key, u.component, datetime({datetime: u.first_seen, timezone: 'UTC'}).epochSeconds * 1000000 + u.first_seen.microsecond, datetime({datetime: u.last_seen, timezone: 'UTC'}).epochSeconds * 1000000 + u.last_seen.microsecond, u.traits, u.excluded
