// name: read/links_by_component
// The links whose evidence lies in some raw components. Rows as `tables.LINKS`, times in microseconds since 1970.
//   $components  list of strings, names of raw components
UNWIND $components AS component
MATCH (a:Identifier)-[s:SEEN_WITH {component: component}]->(b:Identifier)
WITH a, s, b, localdatetime('1970-01-01') AS epoch
RETURN collect([
  a.key, b.key, s.component, s.count,
  duration.inSeconds(epoch, s.first_seen).seconds * 1000000 + s.first_seen.microsecond,
  duration.inSeconds(epoch, s.last_seen).seconds * 1000000 + s.last_seen.microsecond,
  s.sources, s.confidence, s.declared, s.accepted, s.reason
]) AS rows
