// name: write/drop_journeys
// Removes journeys, with their relationships.
//   $rows  list of maps: key
UNWIND $rows AS row
MATCH (n:Journey {key: row.key})
DETACH DELETE n
