// From offline to online: where?
// Touchpoints on an offline channel and the digital one right after them, with the median time between the two.
MATCH (:Channel {kind: 'offline'})<-[:VIA]-(a:Touchpoint)-[hop:NEXT]->(b:Touchpoint),
      (b)-[:VIA]->(:Channel {kind: 'digital'})
RETURN a.channel AS from_channel, a.name AS leaving, b.channel AS to_channel, b.name AS arriving, count(*) AS times,
       percentileCont(hop.seconds, 0.5) / 3600 AS median_hours
ORDER BY times DESC, leaving, arriving
LIMIT 20;
