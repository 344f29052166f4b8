// name: read/user_of
// Key of the user that has an identifier.
//   $identifier  string, normalised `type:value`
MATCH (u:User)-[:HAS]->(:Identifier {key: $identifier})
RETURN u.key AS key
