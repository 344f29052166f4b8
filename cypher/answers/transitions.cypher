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
  AND CASE size($asked.stages) WHEN 0 THEN true ELSE any(stage IN coalesce(j.stages, ['']) WHERE stage IN $asked.stages) END
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
WITH labels[first] AS source, labels[first + 1] AS target, count(*) AS count, collect(u) AS users,
  collect(j) AS journeys, collect(times[first + 1] - times[first]) AS waits
WITH source, sum(count) AS leaving,
  collect({target: target, count: count, users: users, journeys: journeys, waits: waits}) AS pairs
UNWIND pairs AS pair
WITH source, leaving, pair
ORDER BY pair.count DESC, source, pair.target
WITH collect({source: source, leaving: leaving, pair: pair}) AS groups
// One row for each of the most common, and the last for all others, if there are any.
WITH groups, size([g IN groups[..$asked.top] WHERE g.pair.count >= $asked.min_count]) AS leading
UNWIND range(1, leading + 1) AS row
UNWIND CASE WHEN row <= leading THEN groups[row - 1..row] ELSE groups[leading..] END AS g
WITH CASE WHEN row <= leading THEN row END AS rank, g.source AS source, g.leaving AS leaving, g.pair AS pair
UNWIND range(0, pair.count - 1) AS i
WITH rank, CASE WHEN rank IS NOT NULL THEN source END AS source, CASE WHEN rank IS NOT NULL THEN pair.target END AS target,
  CASE WHEN rank IS NOT NULL THEN 1.0 * pair.count / leaving END AS share_of_source,
  i, pair.users[i] AS u, pair.journeys[i] AS j, pair.waits[i] AS us
RETURN rank, source, target, coalesce(source = target, false) AS loop, count(CASE i WHEN 0 THEN 1 END) AS different,
  count(*) AS count, share_of_source, count(DISTINCT u) AS users, count(DISTINCT j) AS journeys,
  percentileCont(us, 0.5) / 1e6 AS median_seconds, percentileCont(us, 0.9) / 1e6 AS p90_seconds
ORDER BY rank
