// name: schema/record_anchor
// Finds the records of a raw component by the identifier that each hangs on.
CREATE INDEX record_anchor IF NOT EXISTS FOR (n:Record) ON (n.anchor)
