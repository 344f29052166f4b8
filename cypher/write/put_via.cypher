// name: write/put_via
// Ties touchpoints to their channel, and to no other. Names the channels that may have lost their last touchpoint.
//   $rows  list of maps: key (of the touchpoint), channel, kind (digital or offline)
UNWIND $rows AS row
MATCH (t:Touchpoint {key: row.key})
OPTIONAL MATCH (t)-[former:VIA]->(left:Channel)
WHERE left.key <> row.channel
DELETE former
WITH row, t, left.key AS channel
MERGE (c:Channel {key: row.channel})
ON CREATE SET c.name = row.channel, c.kind = row.kind
MERGE (t)-[:VIA]->(c)
RETURN DISTINCT channel
