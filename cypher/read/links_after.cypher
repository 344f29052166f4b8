// name: read/links_after
// The next page of all links, by key of their first identifier. Rows as `tables.LINKS`, times in microseconds since
// 1970.
//   $after  string, the `last` key of the page before (empty at first)
//   $limit  integer, how many
MATCH (a:Identifier)
WHERE a.key > $after
WITH a ORDER BY a.key LIMIT $limit
WITH collect(a) AS page
UNWIND page AS a
OPTIONAL MATCH (a)-[s:SEEN_WITH]->(b:Identifier)
WITH page, a, s, b, localdatetime('1970-01-01') AS epoch
RETURN page[-1].key AS last, collect(CASE WHEN s IS NOT NULL THEN [
  a.key, b.key, s.component, s.count,
  duration.inSeconds(epoch, s.first_seen).seconds * 1000000 + s.first_seen.microsecond,
  duration.inSeconds(epoch, s.last_seen).seconds * 1000000 + s.last_seen.microsecond,
  s.sources, s.confidence, s.declared, s.accepted, s.reason
] END) AS rows
