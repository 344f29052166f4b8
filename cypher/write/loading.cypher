// name: write/loading
// Says that a load begins (or, with null, that what an interrupted one left is gone).
//   $token  string or null, of the loader
MATCH (g:Graph {key: 'graph'})
SET g.loading = $token
