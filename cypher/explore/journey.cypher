// name: explore/journey
// One person's journeys as chains of touchpoints, with the channel of each: look at it as a graph.
//
//   :param identifier => 'email:ann@example.org'
//
//   $identifier  string, any identifier of the person, `type:value`
MATCH (u:User)-[:HAS]->(:Identifier {key: $identifier})
MATCH (u)-[took:TOOK]->(j:Journey)-[starts:STARTS]->(first:Touchpoint)
MATCH chain = (first)-[:NEXT*0..]->(last:Touchpoint)
WHERE NOT EXISTS { (last)-[:NEXT]->() }
UNWIND nodes(chain) AS t
MATCH (t)-[via:VIA]->(c:Channel)
RETURN u, took, j, starts, chain, via, c
