// name: write/wipe
// Removes some nodes that an interrupted load left; to be repeated until it removes none.
//   $limit  integer, how many at once
MATCH (n:User|Identifier|Journey|Touchpoint|Record|Channel)
WITH n LIMIT $limit
DETACH DELETE n
RETURN count(*) AS removed
