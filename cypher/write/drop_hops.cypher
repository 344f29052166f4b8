// name: write/drop_hops
// Takes hops out of journeys.
//   $rows  list of maps: source, target (touchpoint keys)
UNWIND $rows AS row
MATCH (:Touchpoint {key: row.source})-[hop:NEXT]->(:Touchpoint {key: row.target})
DELETE hop
