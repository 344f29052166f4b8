// name: read/user_of
// Key of the user that has the first of some identifiers that anybody has; and, read after it, the last commit that began.
//   $identifiers  list of strings, normalised `type:value`
UNWIND range(0, size($identifiers) - 1) AS place
MATCH (u:User)-[:HAS]->(:Identifier {key: $identifiers[place]})
WITH u.key AS key, place
ORDER BY place
LIMIT 1
OPTIONAL MATCH (c:Commit {key: 'commit'})
RETURN key, coalesce(c.begun, 0) AS begun
