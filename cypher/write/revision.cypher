// name: write/revision
// Ends a write: the next revision, under these settings.
//   $settings  string, settings as JSON
//   $schema  integer, version of the graph's shape
MATCH (g:Graph {key: 'graph'})
SET g.revision = g.revision + 1, g.settings = $settings, g.schema = $schema, g.loading = null
RETURN g.revision AS revision
