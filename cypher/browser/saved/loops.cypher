// Where do people go in circles?
// Touchpoints that come back after one to three others, with what lies between.
MATCH way = (a:Touchpoint)-[:NEXT*2..4]->(b:Touchpoint)
WHERE a.name = b.name AND none(t IN nodes(way)[1..-1] WHERE t.name = a.name)
RETURN [t IN nodes(way) | t.name] AS loop, count(*) AS times
ORDER BY times DESC, loop
LIMIT 20;
