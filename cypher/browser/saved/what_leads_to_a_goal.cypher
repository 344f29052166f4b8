// What comes before a goal?
// The three touchpoints before the end of journeys that reached a goal.
MATCH (j:Journey)
WHERE j.converted
WITH j.names[-4..] AS path, count(*) AS journeys
RETURN path, journeys
ORDER BY journeys DESC, path
LIMIT 20;
