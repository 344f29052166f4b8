// name: answers/absent
// The first label asked for that no journey holds, with all that are held instead; no row where all are held.
//   $labels  list of maps {kind, label}; kind is 'touchpoint', 'channel', 'stage' or 'channel:name'
UNWIND $labels AS asked
WITH asked
WHERE NOT EXISTS {
  MATCH (j:Journey)
  WHERE asked.label IN CASE asked.kind
    WHEN 'channel' THEN j.channels
    WHEN 'stage' THEN coalesce(j.stages, [''])
    WHEN 'channel:name' THEN [i IN range(0, size(j.names) - 1) | j.channels[i] + ':' + j.names[i]]
    ELSE j.names
  END
}
WITH asked
LIMIT 1
CALL (asked) {
  MATCH (j:Journey)
  UNWIND CASE asked.kind
      WHEN 'channel' THEN j.channels
      WHEN 'stage' THEN coalesce(j.stages, [''])
      WHEN 'channel:name' THEN [i IN range(0, size(j.names) - 1) | j.channels[i] + ':' + j.names[i]]
      ELSE j.names
    END AS label
  RETURN collect(DISTINCT label) AS held
}
RETURN asked.kind AS kind, asked.label AS label, held
