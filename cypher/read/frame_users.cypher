// name: read/frame_users
// The next page of the users' traits: key, traits.
//   $after  string, the `last` key of the page before (empty at first)
//   $limit  integer, how many
MATCH (u:User)
WHERE u.key > $after
WITH u ORDER BY u.key LIMIT $limit
RETURN collect(u.key)[-1] AS last, collect([
  u.key, u.traits
]) AS rows
