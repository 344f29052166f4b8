// name: read/user_of
// Key of the user that has the first of some identifiers that anybody has.
//   $identifiers  list of strings, normalised `type:value`
UNWIND range(0, size($identifiers) - 1) AS place
MATCH (u:User)-[:HAS]->(:Identifier {key: $identifiers[place]})
RETURN u.key AS key
ORDER BY place
LIMIT 1
