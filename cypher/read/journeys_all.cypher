// name: read/journeys_all
// The journeys of the whole graph. Columns as `tables.JOURNEYS`, times in microseconds since 1970.
MATCH (j:Journey)
RETURN j.key, j.user, j.component, j.times[0], j.times[-1], j.steps, j.converted, j.value, j.currency,
       j.touchpoints, j.names, j.channels, j.stages, j.times, j.values
