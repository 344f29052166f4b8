// name: write/put_links
// Writes links between identifiers.
//   $rows  list of maps: a, b (identifier keys), properties (map)
UNWIND $rows AS row
MATCH (a:Identifier {key: row.a})
MATCH (b:Identifier {key: row.b})
MERGE (a)-[s:SEEN_WITH]->(b)
SET s = row.properties
