// name: explore/between
// How do people get from one touchpoint to another? The shortest way of each journey that goes from the first to the
// second within eight hops, the most common first.
//
//   :param source => 'newsletter_signup'
//   :param target => 'purchase'
//
//   $source  string, name of a touchpoint
//   $target  string, name of a touchpoint
//   $limit  integer, how many ways
MATCH (j:Journey)
WHERE $source IN j.names AND $target IN j.names
MATCH (j)-[:STARTS]->(first:Touchpoint)
MATCH (first)-[:NEXT*0..]->(a:Touchpoint {name: $source})
MATCH way = (a)-[:NEXT*1..8]->(:Touchpoint {name: $target})
WITH j, way ORDER BY length(way), [t IN nodes(way) | t.step]
WITH j, collect(way)[0] AS shortest
WITH [t IN nodes(shortest) | t.name] AS path, count(*) AS journeys
RETURN path, journeys
ORDER BY journeys DESC, path
LIMIT $limit
