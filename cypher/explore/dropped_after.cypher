// name: explore/dropped_after
// Who left right after a touchpoint? The latest journeys that end there without a goal, and how people got there: the
// three touchpoints before. A journey is open rather than dropped while its last touch lies within the gap of the
// data's end, so the latest may still come back.
//
//   :param name => 'delivery_costs'
//
//   $name  string, name of a touchpoint
//   $limit  integer, how many journeys
MATCH (j:Journey)
WHERE NOT j.converted AND j.names[-1] = $name
WITH j ORDER BY j.ended_at DESC, j.key LIMIT $limit
MATCH (u:User)-[:TOOK]->(j)
RETURN u.key AS user, j.ended_at AS left_at, j.steps AS steps, j.names[-4..-1] AS before, j.channels[-1] AS channel
ORDER BY left_at DESC, user
