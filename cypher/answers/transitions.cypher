// name: answers/transitions
// What follows what: pairs of neighbouring touchpoints.
// One row per pair, most common first (ties by source, then target), then one with rank null that sums up
// all others.
//   source, target  labels of the two; loop: they are the same
//   different       how many different pairs the row stands for
//   count           occurrences; users and journeys: those with at least one
//   share_of_source share of all pairs with this source
//   median_seconds, p90_seconds  between the two
// Each journey is first cut down to what counts: lookback, then exclude, then collapse.
//   $asked  map (one parameter, so that one plan serves all questions):
//     top          integer, how many pairs
//     min_count    integer, rarer pairs go to the others
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
UNWIND range(0, size(labels) - 2) AS first
WITH u, j, labels[first] AS source, labels[first + 1] AS target, (times[first + 1] - times[first]) / 1e6 AS seconds
WITH source, target, count(*) AS count, collect(DISTINCT u) AS users, collect(DISTINCT j) AS journeys,
  collect(seconds) AS waits, percentileCont(seconds, 0.5) AS median_seconds, percentileCont(seconds, 0.9) AS p90_seconds
WITH source, sum(count) AS leaving, collect({
  source: source, target: target, count: count, users: users, journeys: journeys, waits: waits,
  median_seconds: median_seconds, p90_seconds: p90_seconds
}) AS pairs
UNWIND pairs AS pair
WITH pair, leaving
ORDER BY pair.count DESC, pair.source, pair.target
WITH collect({pair: pair, leaving: leaving}) AS groups
WITH groups, size([g IN groups[..$asked.top] WHERE g.pair.count >= $asked.min_count]) AS leading
CALL (groups, leading) {
  UNWIND range(1, leading) AS rank
  WITH rank, groups[rank - 1].pair AS pair, groups[rank - 1].leaving AS leaving
  RETURN rank, pair.source AS source, pair.target AS target, 1 AS different, pair.count AS count,
    1.0 * pair.count / leaving AS share_of_source, size(pair.users) AS users, size(pair.journeys) AS journeys,
    pair.median_seconds AS median_seconds, pair.p90_seconds AS p90_seconds
UNION ALL
  WITH groups[leading..] AS others
  WHERE size(others) > 0
  CALL (others) {
    UNWIND others AS g
    UNWIND g.pair.waits AS seconds
    RETURN count(*) AS count,
      percentileCont(seconds, 0.5) AS median_seconds, percentileCont(seconds, 0.9) AS p90_seconds
  }
  RETURN null AS rank, null AS source, null AS target, size(others) AS different, count, null AS share_of_source,
    COUNT { UNWIND others AS g UNWIND g.pair.users AS u RETURN DISTINCT u } AS users,
    COUNT { UNWIND others AS g UNWIND g.pair.journeys AS j RETURN DISTINCT j } AS journeys,
    median_seconds, p90_seconds
}
RETURN rank, source, target, coalesce(source = target, false) AS loop, different, count, share_of_source,
  users, journeys, median_seconds, p90_seconds
ORDER BY rank
