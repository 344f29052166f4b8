// name: read/identifiers_after
// The next page of all identifiers, by key. Rows as `tables.IDENTIFIERS`, times in microseconds since 1970.
//   $after  string, the `last` key of the page before (empty at first)
//   $limit  integer, how many
MATCH (i:Identifier)
WHERE i.key > $after
WITH i ORDER BY i.key LIMIT $limit
WITH collect(i) AS page
UNWIND page AS i
OPTIONAL MATCH (i)<-[:HAS]-(u:User)
WITH page, i, u, localdatetime('1970-01-01') AS epoch
RETURN page[-1].key AS last, collect([
  i.key, i.type, i.value, i.status, u.key, i.component,
  duration.inSeconds(epoch, i.first_seen).seconds * 1000000 + i.first_seen.microsecond,
  duration.inSeconds(epoch, i.last_seen).seconds * 1000000 + i.last_seen.microsecond,
  i.user_key
]) AS rows
