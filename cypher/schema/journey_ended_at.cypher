// name: schema/journey_ended_at
// Answers the end of the data, on which the outcome *open* depends.
CREATE INDEX journey_ended_at IF NOT EXISTS FOR (n:Journey) ON (n.ended_at)
