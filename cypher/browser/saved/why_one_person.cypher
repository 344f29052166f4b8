// Why is this one person?
// Look at it as a graph: the identifiers of one user and the evidence between them. Put a user's key between the
// quotes; as it stands, it takes the user with the most identifiers.
WITH '' AS key
MATCH (u:User)-[:HAS]->(i:Identifier)
WHERE key = '' OR u.key = key
WITH u, count(*) AS identifiers
ORDER BY identifiers DESC, u.key LIMIT 1
MATCH (u)-[has:HAS]->(i:Identifier)
OPTIONAL MATCH (i)-[seen:SEEN_WITH]-(:Identifier)
RETURN u, has, i, seen;
