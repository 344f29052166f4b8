// name: write/revision
// Ends a write: the next revision, under these settings.
//   $settings  string, settings as JSON
MATCH (g:Graph {key: 'graph'})
SET g.revision = g.revision + 1, g.settings = $settings, g.loading = null
RETURN g.revision AS revision
