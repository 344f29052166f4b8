// Where do journeys begin?
// The channel of the first touchpoint, and how many of those journeys reach a goal.
MATCH (j:Journey)
WITH j.channels[0] AS channel, count(*) AS journeys, count(CASE WHEN j.converted THEN 1 END) AS converted
RETURN channel, journeys, converted, 1.0 * converted / journeys AS conversion
ORDER BY journeys DESC, channel;
