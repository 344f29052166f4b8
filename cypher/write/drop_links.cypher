// name: write/drop_links
// Removes links between identifiers.
//   $rows  list of maps: a, b (identifier keys)
UNWIND $rows AS row
MATCH (:Identifier {key: row.a})-[link:SEEN_WITH]->(:Identifier {key: row.b})
DELETE link
