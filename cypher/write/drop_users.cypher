// name: write/drop_users
// Removes users, with their relationships.
//   $rows  list of maps: key
UNWIND $rows AS row
MATCH (n:User {key: row.key})
DETACH DELETE n
