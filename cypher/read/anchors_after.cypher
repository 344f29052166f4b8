// name: read/anchors_after
// The next page of what all records hang on, by key. Rows: key, anchor.
//   $after  string, the `last` key of the page before (empty at first)
//   $limit  integer, how many
MATCH (t:Record)
WHERE t.key > $after
WITH t ORDER BY t.key LIMIT $limit
RETURN collect(t.key)[-1] AS last, collect([t.key, t.anchor]) AS rows
