// name: write/put_identifiers
// Writes identifiers and ties each to its user, and to no other; shared ones to none.
//   $rows  list of maps: user (key or null), properties (map; times in microseconds since 1970)
WITH localdatetime('1970-01-01') AS epoch
UNWIND $rows AS row
WITH epoch, row, row.properties AS p
MERGE (i:Identifier {key: p.key})
SET i = p,
    i.first_seen = CASE WHEN p.first_seen IS NOT NULL THEN epoch + duration({microseconds: p.first_seen}) END,
    i.last_seen = CASE WHEN p.last_seen IS NOT NULL THEN epoch + duration({microseconds: p.last_seen}) END
WITH i, row
OPTIONAL MATCH (other:User)-[former:HAS]->(i)
WHERE row.user IS NULL OR other.key <> row.user
DELETE former
WITH DISTINCT i, row
MATCH (u:User {key: row.user})
MERGE (u)-[:HAS]->(i)
