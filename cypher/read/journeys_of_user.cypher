// name: read/journeys_of_user
// The journeys of one user. Columns as `tables.JOURNEYS`, times in microseconds since 1970.
//   $key  string, user key
MATCH (:User {key: $key})-[:TOOK]->(j:Journey)
RETURN j.key, j.user, j.component, j.times[0], j.times[-1], j.steps, j.converted, j.value, j.currency,
       j.touchpoints, j.names, j.channels, j.stages, j.times, j.values
