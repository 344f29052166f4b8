// Who has the most identifiers?
// By type, not by value. A person at the top with many of one type may be several.
MATCH (u:User)-[:HAS]->(i:Identifier)
WITH u, i.type AS type, count(*) AS of_type
ORDER BY type
WITH u, collect(type + ': ' + of_type) AS types, sum(of_type) AS identifiers
RETURN u.key AS user, identifiers, types
ORDER BY identifiers DESC, user
LIMIT 20;
