// name: schema/identifier_component
// Finds the identifiers of a raw component, which a batch derives anew.
CREATE INDEX identifier_component IF NOT EXISTS FOR (n:Identifier) ON (n.component)
