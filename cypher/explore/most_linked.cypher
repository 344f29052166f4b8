// name: explore/most_linked
// Which identifiers hold the most others together? A value at the top with many links may be a shared one (a kiosk,
// a family tablet, an address of the company) and deserves a look.
//
//   $limit  integer, how many identifiers
MATCH (i:Identifier)
WITH i, COUNT { (i)-[:SEEN_WITH]-() } AS links
ORDER BY links DESC, i.key LIMIT $limit
MATCH (u:User)-[:HAS]->(i)
RETURN i.type AS type, i.value AS value, links, COUNT { (u)-[:HAS]->() } AS identifiers_of_user, u.key AS user
ORDER BY links DESC, value
