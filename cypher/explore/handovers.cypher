// name: explore/handovers
// Where does a journey change from one channel to another, and at which touchpoints? Offline to online hand-overs show
// here.
//
//   $limit  integer, how many of the most common
MATCH (a:Touchpoint)-[hop:NEXT]->(b:Touchpoint)
WHERE a.channel <> b.channel
MATCH (a)-[:VIA]->(source:Channel)
MATCH (b)-[:VIA]->(target:Channel)
WITH source, target, a.name AS leaving, b.name AS arriving, count(*) AS count,
     percentileCont(hop.seconds, 0.5) AS median_seconds
RETURN source.name AS source, source.kind AS source_kind, target.name AS target, target.kind AS target_kind,
       leaving, arriving, count, median_seconds
ORDER BY count DESC, source, target, leaving, arriving
LIMIT $limit
