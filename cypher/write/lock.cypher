// name: write/lock
// Takes the writers' lock, which the transaction holds until it ends. A first writer makes the node.
//   $schema  integer, version of the graph's shape
MERGE (g:Graph {key: 'graph'})
ON CREATE SET g.schema = $schema, g.revision = 0
SET g.key = 'graph'
