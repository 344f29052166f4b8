// name: schema/seen_with_component
// Finds the links of a raw component, which a batch derives anew; the ends of some lie in others.
CREATE INDEX seen_with_component IF NOT EXISTS FOR ()-[r:SEEN_WITH]-() ON (r.component)
