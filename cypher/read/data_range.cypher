// name: read/data_range
// First and latest touchpoint, from the indexes on the journeys' ends.
RETURN
  COLLECT {
    MATCH (j:Journey) WHERE j.started_at IS NOT NULL
    RETURN j.started_at ORDER BY j.started_at LIMIT 1
  }[0] AS data_from,
  COLLECT {
    MATCH (j:Journey) WHERE j.ended_at IS NOT NULL
    RETURN j.ended_at ORDER BY j.ended_at DESC LIMIT 1
  }[0] AS data_to
