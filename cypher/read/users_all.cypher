// name: read/users_all
// The users of the whole graph. Columns as `tables.USERS`, times in microseconds since 1970.
MATCH (u:User)
RETURN u.key, u.component, datetime({datetime: u.first_seen, timezone: 'UTC'}).epochSeconds * 1000000 + u.first_seen.microsecond, datetime({datetime: u.last_seen, timezone: 'UTC'}).epochSeconds * 1000000 + u.last_seen.microsecond, u.traits, u.excluded
