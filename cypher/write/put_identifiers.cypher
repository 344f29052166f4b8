// name: write/put_identifiers
// Writes identifiers and ties each to its user, and to no other.
//   $rows  list of maps: user (key), properties (map)
UNWIND $rows AS row
MERGE (i:Identifier {key: row.properties.key})
SET i = row.properties
WITH i, row
MATCH (u:User {key: row.user})
OPTIONAL MATCH (other:User)-[former:HAS]->(i)
WHERE other <> u
DELETE former
MERGE (u)-[:HAS]->(i)
