// name: read/frame_journeys
// Every journey with what the journey frame is built from.
MATCH (j:Journey)
RETURN j.key, j.user, j.times[0], j.converted, j.names, j.channels, j.stages, j.times, j.values
