// name: read/identifiers_by_component
// The identifiers of some raw components. Columns as `tables.IDENTIFIERS`, times in microseconds since 1970.
//   $components  list of strings, names of raw components
UNWIND $components AS component
MATCH (i:Identifier {component: component})<-[:HAS]-(u:User)
RETURN i.key, i.type, i.value, i.status, u.key, i.component, datetime({datetime: i.first_seen, timezone: 'UTC'}).epochSeconds * 1000000 + i.first_seen.microsecond, datetime({datetime: i.last_seen, timezone: 'UTC'}).epochSeconds * 1000000 + i.last_seen.microsecond
