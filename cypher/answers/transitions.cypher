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
//     segment      list of lists of maps {property, types, values, signs} or null: users for whom every comparison
//                  of any inner list holds; a value of one of the types compares to any of the values as -1 (below),
//                  0 or 1 (above), whichever are among the signs
MATCH (u:User)-[:TOOK]->(j:Journey)
WHERE ($asked.since IS NULL OR j.started_at >= $asked.since)
  AND ($asked.until IS NULL OR j.started_at < $asked.until)
  // CASE, as OR may evaluate its costly side first.
  AND CASE size($asked.channels) WHEN 0 THEN true ELSE any(channel IN j.channels WHERE channel IN $asked.channels) END
  AND CASE size($asked.stages) WHEN 0 THEN true
    ELSE any(stage IN coalesce(j.stages, ['']) WHERE stage IN $asked.stages) END
  AND ($asked.segment IS NULL OR any(every IN $asked.segment WHERE all(c IN every WHERE
    valueType(u[c.property]) IN c.types AND any(value IN c.values WHERE
      CASE WHEN u[c.property] < value THEN -1 WHEN u[c.property] > value THEN 1 ELSE 0 END IN c.signs))))
WITH u, j, j.times AS times,
  CASE WHEN $asked.label ENDS WITH 'name' OR size($asked.exclude) > 0 THEN j.names END AS names,
  CASE WHEN $asked.label STARTS WITH 'channel' THEN j.channels END AS channels
WITH u, j, times, names,
  CASE $asked.label
    WHEN 'name' THEN names
    WHEN 'channel' THEN channels
    WHEN 'stage' THEN [stage IN coalesce(j.stages, ['']) | CASE stage WHEN '' THEN '(no stage)' ELSE stage END]
    ELSE [i IN range(0, size(names) - 1) | channels[i] + ':' + names[i]]
  END AS labels
// What is kept of each journey, as indexes; null where nothing is cut.
WITH u, j, times, labels,
  CASE WHEN size($asked.exclude) > 0 OR $asked.lookback IS NOT NULL OR $asked.collapse THEN
    [i IN range(0, size(times) - 1)
     WHERE NOT names[i] IN $asked.exclude
       AND ($asked.lookback IS NULL OR toInteger(times[-1]) - toInteger(times[i]) <= $asked.lookback)]
  END AS kept
WITH u, j, times, labels,
  CASE WHEN $asked.collapse THEN
    [k IN range(0, size(kept) - 1) WHERE k = 0 OR labels[kept[k]] <> labels[kept[k - 1]] | kept[k]]
  ELSE kept END AS kept
WITH u, j,
  CASE WHEN kept IS NULL THEN labels ELSE [i IN kept | labels[i]] END AS labels,
  CASE WHEN kept IS NULL THEN times ELSE [i IN kept | times[i]] END AS times
UNWIND range(0, size(labels) - 2) AS first
WITH labels[first] AS source, labels[first + 1] AS target, u, j,
  toInteger(times[first + 1]) - toInteger(times[first]) AS wait
WITH source, target, count(*) AS count, count(DISTINCT u) AS users, count(DISTINCT j) AS journeys,
  percentileCont(wait, 0.5) AS median, percentileCont(wait, 0.9) AS p90,
  collect(u) AS all_users, collect(j) AS all_journeys, collect(wait) AS waits
WITH source, sum(count) AS leaving, collect({
  target: target, count: count, users: users, journeys: journeys, median: median, p90: p90,
  all_users: all_users, all_journeys: all_journeys, waits: waits
}) AS pairs
UNWIND pairs AS pair
WITH source, leaving, pair
ORDER BY pair.count DESC, source, pair.target
WITH collect({source: source, leaving: leaving, pair: pair}) AS groups
WITH groups, size([g IN groups[..$asked.top] WHERE g.pair.count >= $asked.min_count]) AS leading
// One row for each of the most common, and the last for all others, if there are any.
CALL (groups, leading) {
  UNWIND range(1, leading) AS rank
  WITH rank, groups[rank - 1].source AS source, groups[rank - 1].leaving AS leaving, groups[rank - 1].pair AS pair
  RETURN rank, source, pair.target AS target, 1 AS different, pair.count AS count,
    1.0 * pair.count / leaving AS share_of_source, pair.users AS users, pair.journeys AS journeys,
    pair.median AS median, pair.p90 AS p90
UNION ALL
  WITH groups, leading
  WHERE size(groups) > leading
  UNWIND groups[leading..] AS g
  UNWIND range(0, g.pair.count - 1) AS i
  WITH i, g.pair.all_users[i] AS u, g.pair.all_journeys[i] AS j, g.pair.waits[i] AS wait
  RETURN null AS rank, null AS source, null AS target, count(CASE i WHEN 0 THEN 1 END) AS different, count(*) AS count,
    null AS share_of_source, count(DISTINCT u) AS users, count(DISTINCT j) AS journeys,
    percentileCont(wait, 0.5) AS median, percentileCont(wait, 0.9) AS p90
}
WITH * WHERE count > 0
RETURN rank, source, target, coalesce(source = target, false) AS loop, different, count, share_of_source,
  users, journeys, median / 1e6 AS median_seconds, p90 / 1e6 AS p90_seconds
ORDER BY rank
