// Where do people leave?
// The last touchpoint of journeys without a goal, as a share of all journeys that came by it. Journeys that are still
// open (their last touch is recent) count as left here; `graphsvc steps` keeps them apart.
MATCH (j:Journey)
UNWIND range(0, size(j.names) - 1) AS i
WITH j.names[i] AS touchpoint, j, max(i) AS at
WITH touchpoint, count(*) AS journeys, count(CASE WHEN NOT j.converted AND at = size(j.names) - 1 THEN 1 END) AS left
WHERE left > 0
RETURN touchpoint, journeys, left, 1.0 * left / journeys AS share_left
ORDER BY left DESC, touchpoint
LIMIT 20;
