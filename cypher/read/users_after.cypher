// name: read/users_after
// The next page of all users, by key. Rows as `tables.USERS`, times in microseconds since 1970.
//   $after  string, the `last` key of the page before (empty at first)
//   $limit  integer, how many
MATCH (u:User)
WHERE u.key > $after
WITH u ORDER BY u.key LIMIT $limit
WITH u, localdatetime('1970-01-01') AS epoch
RETURN collect(u.key)[-1] AS last, collect([
  u.key, u.component,
  duration.inSeconds(epoch, u.first_seen).seconds * 1000000 + u.first_seen.microsecond,
  duration.inSeconds(epoch, u.last_seen).seconds * 1000000 + u.last_seen.microsecond,
  u.traits, u.excluded
]) AS rows
