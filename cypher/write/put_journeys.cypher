// name: write/put_journeys
// Writes journeys and ties each to its user, and to no other, and to its first touchpoint.
//   $rows  list of maps: every property of a journey; times in microseconds since 1970
WITH localdatetime('1970-01-01') AS epoch
UNWIND $rows AS row
MERGE (j:Journey {key: row.key})
SET j = row,
    j.started_at = epoch + duration({microseconds: row.started_at}),
    j.ended_at = epoch + duration({microseconds: row.ended_at})
WITH j
MATCH (u:User {key: j.user})
MATCH (first:Touchpoint {key: j.key})
OPTIONAL MATCH (other:User)-[former:TOOK]->(j)
WHERE other <> u
DELETE former
MERGE (u)-[:TOOK]->(j)
MERGE (j)-[:STARTS]->(first)
