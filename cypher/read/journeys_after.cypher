// name: read/journeys_after
// The next page of all journeys, by key. Rows as `tables.JOURNEYS`, times in microseconds since 1970.
//   $after  string, the `last` key of the page before (empty at first)
//   $limit  integer, how many
MATCH (j:Journey)
WHERE j.key > $after
WITH j ORDER BY j.key LIMIT $limit
RETURN collect(j.key)[-1] AS last, collect([
  j.key, j.user, j.component, toInteger(j.times[0]), toInteger(j.times[-1]), j.steps, j.converted, j.value, j.currency,
  j.touchpoints, j.names, j.channels, coalesce(j.stages, ['']), j.times, j.values
]) AS rows
