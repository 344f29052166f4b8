// What do people do first?
// The first three touchpoints of journeys, the most common first, with the share that reached a goal.
MATCH (j:Journey)
WITH j.names[..3] AS path, count(*) AS journeys, count(CASE WHEN j.converted THEN 1 END) AS converted
RETURN path, journeys, 1.0 * journeys / COUNT { (:Journey) } AS share, 1.0 * converted / journeys AS conversion
ORDER BY journeys DESC, path
LIMIT 20;
