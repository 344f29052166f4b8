// name: read/journeys_by_component
// The journeys of some raw components. Rows as `tables.JOURNEYS`, times in microseconds since 1970.
//   $components  list of strings, names of raw components
UNWIND $components AS component
MATCH (j:Journey {component: component})
RETURN collect([
  j.key, j.user, j.component, toInteger(j.times[0]), toInteger(j.times[-1]), j.steps, j.converted, j.value, j.currency,
  j.touchpoints, j.names, j.channels, coalesce(j.stages, ['']), j.times, j.values
]) AS rows
