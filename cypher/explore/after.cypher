// name: explore/after
// What do people do right after a touchpoint, and how soon? Walks one NEXT; a touchpoint without one is the end of its
// journey.
//
//   :param name => 'delivery_costs'
//
//   $name  string, name of a touchpoint
MATCH (t:Touchpoint {name: $name})
OPTIONAL MATCH (t)-[hop:NEXT]->(later:Touchpoint)
RETURN coalesce(later.name, '(end of the journey)') AS next, count(*) AS times,
       percentileCont(hop.seconds, 0.5) AS median_seconds
ORDER BY times DESC, next
