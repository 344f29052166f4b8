// name: read/indexes
// Names of the indexes that are ready, those behind constraints too. Each file of `cypher/schema` makes one of its name.
SHOW INDEXES YIELD name, state
WHERE state = 'ONLINE'
RETURN name
