// name: write/put_identifiers
// Writes identifiers and ties each to its user, and to no other.
//   $rows  list of maps: user (key), properties (map; times in microseconds since 1970)
WITH localdatetime('1970-01-01') AS epoch
UNWIND $rows AS row
WITH epoch, row, row.properties AS p
MERGE (i:Identifier {key: p.key})
SET i = p,
    i.first_seen = CASE WHEN p.first_seen IS NOT NULL THEN epoch + duration({microseconds: p.first_seen}) END,
    i.last_seen = CASE WHEN p.last_seen IS NOT NULL THEN epoch + duration({microseconds: p.last_seen}) END
WITH i, row
MATCH (u:User {key: row.user})
OPTIONAL MATCH (other:User)-[former:HAS]->(i)
WHERE other <> u
DELETE former
MERGE (u)-[:HAS]->(i)
