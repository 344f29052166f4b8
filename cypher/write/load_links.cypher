// name: write/load_links
// Creates links of a first load whose ends lie in different raw components: one of them is shared.
//   $rows  list of maps: a, b (identifier keys), properties (map; times in microseconds since 1970)
WITH localdatetime('1970-01-01') AS epoch
UNWIND $rows AS row
WITH epoch, row, row.properties AS p
MATCH (a:Identifier {key: row.a})
MATCH (b:Identifier {key: row.b})
CREATE (a)-[s:SEEN_WITH]->(b)
SET s = p,
    s.first_seen = CASE WHEN p.first_seen IS NOT NULL THEN epoch + duration({microseconds: p.first_seen}) END,
    s.last_seen = CASE WHEN p.last_seen IS NOT NULL THEN epoch + duration({microseconds: p.last_seen}) END
