// name: answers/paths
// Top paths: what people do, from the start of their journeys, to the end, or in any contiguous run.
// One row per path, most common first (ties by path text), then one with rank null that sums up all others.
//   path            labels in order
//   different       how many different paths the row stands for
//   count           occurrences; users and journeys: those with at least one
//   converted, open of these journeys: those that reached a goal, and those that may still do so
//   conversion      converted share of these journeys
//   median_seconds  from the first to the last touchpoint of an occurrence
// Each journey is first cut down to what counts: lookback, then exclude, then collapse.
//   $asked  map (one parameter, so that one plan serves all questions):
//     where        'start', 'end' or 'run'
//     steps        integer, touchpoints of a path; a shorter journey keeps its whole path
//     top          integer, how many paths
//     min_count    integer, rarer paths go to the others
//     label        'name', 'channel', 'stage' or 'channel:name': what stands for a touchpoint
//     collapse     boolean, count a run of equal labels once, at the time of its first
//     exclude      list of strings, touchpoint names left out
//     lookback     integer or null, microseconds before the journey's last touchpoint
//     since        local datetime or null, journeys that start then or later (UTC)
//     until        local datetime or null, journeys that start before (UTC)
//     channels     list of strings, journeys with a touchpoint of one of them; empty: all
//     stages       list of strings ('' for none), likewise
//     segment      list of lists of maps {property, types, op, values} or null: users for whom every comparison
//                  of any inner list holds
//     open_since   local datetime, journeys that end then or later without a goal are open
MATCH (u:User)-[:TOOK]->(j:Journey)
WHERE ($asked.since IS NULL OR j.started_at >= $asked.since)
  AND ($asked.until IS NULL OR j.started_at < $asked.until)
  // CASE, as OR may evaluate its costly side first.
  AND CASE size($asked.channels) WHEN 0 THEN true ELSE any(channel IN j.channels WHERE channel IN $asked.channels) END
  AND CASE size($asked.stages) WHEN 0 THEN true ELSE any(stage IN j.stages WHERE stage IN $asked.stages) END
  AND ($asked.segment IS NULL OR any(every IN $asked.segment WHERE all(c IN every
    WHERE valueType(u[c.property]) IN c.types AND CASE c.op
      WHEN '=' THEN u[c.property] = c.values[0]
      WHEN '!=' THEN u[c.property] <> c.values[0]
      WHEN '<' THEN u[c.property] < c.values[0]
      WHEN '<=' THEN u[c.property] <= c.values[0]
      WHEN '>' THEN u[c.property] > c.values[0]
      WHEN '>=' THEN u[c.property] >= c.values[0]
      ELSE u[c.property] IN c.values
    END)))
WITH u, j, j.times AS times,
  CASE WHEN $asked.label ENDS WITH 'name' OR size($asked.exclude) > 0 THEN j.names END AS names,
  CASE WHEN $asked.label STARTS WITH 'channel' THEN j.channels END AS channels
WITH u, j, times, names,
  CASE $asked.label
    WHEN 'name' THEN names
    WHEN 'channel' THEN channels
    WHEN 'stage' THEN [stage IN j.stages | CASE stage WHEN '' THEN '(no stage)' ELSE stage END]
    ELSE [i IN range(0, size(names) - 1) | channels[i] + ':' + names[i]]
  END AS labels
// What is kept of each journey, as indexes; null where nothing is cut.
WITH u, j, times, labels,
  CASE WHEN size($asked.exclude) > 0 OR $asked.lookback IS NOT NULL OR $asked.collapse THEN
    [i IN range(0, size(times) - 1)
     WHERE NOT names[i] IN $asked.exclude AND ($asked.lookback IS NULL OR times[i] >= times[-1] - $asked.lookback)]
  END AS kept
WITH u, j, times, labels,
  CASE WHEN $asked.collapse THEN
    [k IN range(0, size(kept) - 1) WHERE k = 0 OR labels[kept[k]] <> labels[kept[k - 1]] | kept[k]]
  ELSE kept END AS kept
WITH u, j,
  CASE WHEN kept IS NULL THEN labels ELSE [i IN kept | labels[i]] END AS labels,
  CASE WHEN kept IS NULL THEN times ELSE [i IN kept | times[i]] END AS times
WITH u, j, labels, times, size(labels) AS length,
  CASE WHEN size(labels) < $asked.steps THEN size(labels) ELSE $asked.steps END AS steps
WHERE length > 0
UNWIND CASE $asked.where
    WHEN 'start' THEN [0]
    WHEN 'end' THEN [length - steps]
    ELSE range(0, length - steps)
  END AS first
WITH u, j, labels[first..first + steps] AS path, (times[first + steps - 1] - times[first]) / 1e6 AS seconds
WITH path, count(*) AS count, collect(DISTINCT u) AS users, collect(DISTINCT j) AS journeys,
  collect(seconds) AS durations, percentileCont(seconds, 0.5) AS median_seconds
ORDER BY count DESC, reduce(text = '', label IN path | text + ' > ' + label)
WITH collect({
  path: path, count: count, users: users, journeys: journeys, durations: durations, median_seconds: median_seconds
}) AS groups
WITH groups, size([g IN groups[..$asked.top] WHERE g.count >= $asked.min_count]) AS leading
CALL (groups, leading) {
  UNWIND range(1, leading) AS rank
  WITH rank, groups[rank - 1] AS g
  CALL (g) {
    UNWIND g.journeys AS j
    RETURN count(CASE WHEN j.converted THEN 1 END) AS converted,
      count(CASE WHEN NOT j.converted AND j.ended_at >= $asked.open_since THEN 1 END) AS open
  }
  RETURN rank, g.path AS path, 1 AS different, g.count AS count, size(g.users) AS users, size(g.journeys) AS journeys,
    converted, open, g.median_seconds AS median_seconds
UNION ALL
  WITH groups[leading..] AS others
  WHERE size(others) > 0
  CALL (others) {
    UNWIND others AS g
    UNWIND g.journeys AS j
    WITH DISTINCT j
    RETURN count(*) AS journeys, count(CASE WHEN j.converted THEN 1 END) AS converted,
      count(CASE WHEN NOT j.converted AND j.ended_at >= $asked.open_since THEN 1 END) AS open
  }
  CALL (others) {
    UNWIND others AS g
    UNWIND g.durations AS seconds
    RETURN count(*) AS count, percentileCont(seconds, 0.5) AS median_seconds
  }
  RETURN null AS rank, [] AS path, size(others) AS different, count,
    COUNT { UNWIND others AS g UNWIND g.users AS u RETURN DISTINCT u } AS users, journeys,
    converted, open, median_seconds
}
RETURN rank, path, different, count, users, journeys, converted, open, 1.0 * converted / journeys AS conversion,
  median_seconds
ORDER BY rank
