// What did one person do?
// Look at it as a graph: one user's journeys as chains of touchpoints. Put a user's key between the quotes; as it
// stands, it takes the user of the longest journey.
WITH '' AS key
MATCH (u:User)-[:TOOK]->(j:Journey)
WHERE key = '' OR u.key = key
WITH u, max(j.steps) AS steps
ORDER BY steps DESC, u.key LIMIT 1
MATCH (u)-[took:TOOK]->(j:Journey)-[starts:STARTS]->(first:Touchpoint)
MATCH chain = (first)-[:NEXT*0..]->(last:Touchpoint)
WHERE NOT EXISTS { (last)-[:NEXT]->() }
RETURN u, took, j, starts, chain;
