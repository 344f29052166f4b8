// name: write/drop_links
// Removes links between identifiers.
//   $rows  list of maps: a, b (identifier keys), component
UNWIND $rows AS row
MATCH (:Identifier {key: row.a})-[link:SEEN_WITH {component: row.component}]->(:Identifier {key: row.b})
DELETE link
