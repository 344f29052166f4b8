// name: read/users_by_component
// The users of some raw components. Columns as `tables.USERS`, times in microseconds since 1970.
//   $components  list of strings, names of raw components
UNWIND $components AS component
MATCH (u:User {component: component})
RETURN u.key, u.component, datetime({datetime: u.first_seen, timezone: 'UTC'}).epochSeconds * 1000000 + u.first_seen.microsecond, datetime({datetime: u.last_seen, timezone: 'UTC'}).epochSeconds * 1000000 + u.last_seen.microsecond, u.traits, u.excluded
