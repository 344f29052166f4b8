// name: read/begun
// The number of the last commit that began: if it moved while a reader read, the reader reads again.
OPTIONAL MATCH (c:Commit {key: 'commit'})
RETURN coalesce(c.begun, 0) AS begun
