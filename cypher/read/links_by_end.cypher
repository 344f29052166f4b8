// name: read/links_by_end
// The links that begin or end at some identifiers. Rows as `tables.LINKS`, times in microseconds since 1970.
//   $keys  list of strings, normalised `type:value`
UNWIND $keys AS key
MATCH (:Identifier {key: key})-[s:SEEN_WITH]-()
WITH DISTINCT s, startNode(s) AS a, endNode(s) AS b, localdatetime('1970-01-01') AS epoch
RETURN collect([
  a.key, b.key, s.component, s.count,
  duration.inSeconds(epoch, s.first_seen).seconds * 1000000 + s.first_seen.microsecond,
  duration.inSeconds(epoch, s.last_seen).seconds * 1000000 + s.last_seen.microsecond,
  s.sources, s.confidence, s.declared, s.accepted, s.reason
]) AS rows
