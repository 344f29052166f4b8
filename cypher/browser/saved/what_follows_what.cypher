// What follows what?
// Each pair of touchpoints that stand next to each other in a journey, with the median time between them.
MATCH (a:Touchpoint)-[hop:NEXT]->(b:Touchpoint)
RETURN a.name AS source, b.name AS target, count(*) AS times, percentileCont(hop.seconds, 0.5) AS median_seconds
ORDER BY times DESC, source, target
LIMIT 20;
