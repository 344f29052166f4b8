// name: explore/neighbourhood
// Why is this one person? The identifiers around one, at most three links away, with the evidence on each link
// (count, sources, first and last time, accepted or not) and the users who have them. Look at it as a graph.
//
//   :param identifier => 'email:ann@example.org'
//
//   $identifier  string, `type:value`
MATCH ways = (:Identifier {key: $identifier})-[:SEEN_WITH*0..3]-(i:Identifier)
MATCH (u:User)-[has:HAS]->(i)
RETURN ways, has, u
LIMIT 500
