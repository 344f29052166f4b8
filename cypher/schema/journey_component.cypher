// name: schema/journey_component
// Finds the journeys of a raw component, which a batch derives anew.
CREATE INDEX journey_component IF NOT EXISTS FOR (n:Journey) ON (n.component)
