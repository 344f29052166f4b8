// name: schema/journey_started_at
// Answers the beginning of the data, and journeys by the time of their start.
CREATE INDEX journey_started_at IF NOT EXISTS FOR (n:Journey) ON (n.started_at)
