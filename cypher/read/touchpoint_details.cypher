// name: read/touchpoint_details
// The next page of what some touchpoints say beside name, channel, stage, time and value: key, detail.
//   $after   string, the `last` key of the page before (empty at first)
//   $limit   integer, how many touchpoints to look at
//   $detail  string, name of the property: sentiment, question, cost, currency, source or properties (JSON)
MATCH (t:Touchpoint)
WHERE t.key > $after
WITH t ORDER BY t.key LIMIT $limit
WITH collect(t.key)[-1] AS last, collect(CASE WHEN t[$detail] IS NOT NULL THEN [t.key, t[$detail]] END) AS rows
WHERE last IS NOT NULL
RETURN last, rows
