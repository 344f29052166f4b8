// name: read/frame_touchpoints
// The next page of which touchpoints make each journey: key, user, start (microseconds since 1970), touchpoint keys.
//   $after  string, the `last` key of the page before (empty at first)
//   $limit  integer, how many
MATCH (j:Journey)
WHERE j.key > $after
WITH j ORDER BY j.key LIMIT $limit
RETURN collect(j.key)[-1] AS last, collect([j.key, j.user, toInteger(j.times[0]), j.touchpoints]) AS rows
