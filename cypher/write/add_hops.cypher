// name: write/add_hops
// Puts hops into journeys.
//   $rows  list of maps: source, target (touchpoint keys), seconds (float)
UNWIND $rows AS row
MATCH (a:Touchpoint {key: row.source})
MATCH (b:Touchpoint {key: row.target})
CREATE (a)-[:NEXT {seconds: row.seconds}]->(b)
