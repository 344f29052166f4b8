// name: explore/transitions
// What follows what, by walking every NEXT? The same counts as the answer `transitions`, which reads the lists.
//
//   $limit  integer, how many of the most common
MATCH (a:Touchpoint)-[hop:NEXT]->(b:Touchpoint)
WITH a.name AS source, b.name AS target, count(*) AS count, percentileCont(hop.seconds, 0.5) AS median_seconds
RETURN source, target, count, median_seconds
ORDER BY count DESC, source, target
LIMIT $limit
