// name: read/components
// Names of the raw components that hold some identifiers.
//   $identifiers  list of strings, normalised `type:value`
UNWIND $identifiers AS identifier
MATCH (i:Identifier {key: identifier})
RETURN DISTINCT i.component AS component
