// name: write/put_users
// Writes users whole, new ones or in place of those with their key; traits that vanished vanish.
//   $rows  list of maps: every property of a user; times in microseconds since 1970
WITH localdatetime('1970-01-01') AS epoch
UNWIND $rows AS row
MERGE (u:User {key: row.key})
SET u = row,
    u.first_seen = CASE WHEN row.first_seen IS NOT NULL THEN epoch + duration({microseconds: row.first_seen}) END,
    u.last_seen = CASE WHEN row.last_seen IS NOT NULL THEN epoch + duration({microseconds: row.last_seen}) END
