// name: explore/loops
// Where do people go in circles? Touchpoints that come back after one to four others, none of them the same, with what
// lies between.
//
//   $limit  integer, how many of the most common
MATCH way = (a:Touchpoint)-[:NEXT*2..5]->(b:Touchpoint)
WHERE a.name = b.name AND none(t IN nodes(way)[1..-1] WHERE t.name = a.name)
WITH [t IN nodes(way) | t.name] AS loop, count(*) AS times
RETURN loop, times
ORDER BY times DESC, loop
LIMIT $limit
