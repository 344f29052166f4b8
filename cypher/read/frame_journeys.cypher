// name: read/frame_journeys
// The next page of what the journey frame needs of every journey: key, user, start (microseconds since 1970),
// converted, names, channels, stages, times, values.
//   $after  string, the `last` key of the page before (empty at first)
//   $limit  integer, how many
MATCH (j:Journey)
WHERE j.key > $after
WITH j ORDER BY j.key LIMIT $limit
RETURN collect(j.key)[-1] AS last, collect([
  j.key, j.user, toInteger(j.times[0]), j.converted, j.names, j.channels, coalesce(j.stages, ['']), j.times, j.values
]) AS rows
