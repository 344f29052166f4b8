// name: read/identifiers_all
// The identifiers of the whole graph. Columns as `tables.IDENTIFIERS`, times in microseconds since 1970.
MATCH (i:Identifier)<-[:HAS]-(u:User)
RETURN i.key, i.type, i.value, i.status, u.key, i.component, datetime({datetime: i.first_seen, timezone: 'UTC'}).epochSeconds * 1000000 + i.first_seen.microsecond, datetime({datetime: i.last_seen, timezone: 'UTC'}).epochSeconds * 1000000 + i.last_seen.microsecond
