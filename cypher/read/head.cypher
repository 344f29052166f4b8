// name: read/head
// What a reader must know before it reads anything: is this a graph of ours, does it load, does a commit go on?
// `used` tells a foreign database (nodes, but none of ours) from an empty one, `filled` whether any event is stored.
OPTIONAL MATCH (c:Commit {key: 'commit'})
WITH c.begun AS begun, c.ended AS ended
OPTIONAL MATCH (g:Graph {key: 'graph'})
RETURN g.schema AS schema, g.revision AS revision, g.settings AS settings, g.loading AS loading,
       coalesce(begun, 0) AS begun, coalesce(ended, 0) AS ended, EXISTS { MATCH (n) } AS used,
       EXISTS { MATCH (:Touchpoint) } OR EXISTS { MATCH (:Record) } AS filled
