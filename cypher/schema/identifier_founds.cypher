// name: schema/identifier_founds
// Finds the identifier that a former user key was made of.
CREATE INDEX identifier_founds IF NOT EXISTS FOR (n:Identifier) ON (n.user_key)
