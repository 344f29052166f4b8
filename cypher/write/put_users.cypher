// name: write/put_users
// Writes users whole, new ones or in place of those with their key; traits that vanished vanish.
//   $rows  list of maps: every property of a user
UNWIND $rows AS row
MERGE (u:User {key: row.key})
SET u = row
