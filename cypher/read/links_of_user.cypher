// name: read/links_of_user
// The links between the identifiers of one user. Columns as `tables.LINKS`, times in microseconds since 1970.
//   $key  string, user key
MATCH (u:User {key: $key})-[:HAS]->(a:Identifier)-[s:SEEN_WITH]->(b:Identifier)<-[:HAS]-(u)
RETURN a.key, b.key, s.component, s.count, datetime({datetime: s.first_seen, timezone: 'UTC'}).epochSeconds * 1000000 + s.first_seen.microsecond, datetime({datetime: s.last_seen, timezone: 'UTC'}).epochSeconds * 1000000 + s.last_seen.microsecond,
       s.sources, s.confidence, s.declared, s.accepted, s.reason
