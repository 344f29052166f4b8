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
//     where        'start', 'end', 'around' or 'run'
//     around       string or null, the label that paths lie around: its first touchpoint in each journey
//     steps        integer, touchpoints of a path, or before and after the one it lies around; a shorter journey
//                  keeps its whole path
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
//     segment      list of lists of maps {property, types, values, signs} or null: users for whom every comparison
//                  of any inner list holds; a value of one of the types compares to any of the values as -1 (below),
//                  0 or 1 (above), whichever are among the signs
//     goals        list of strings or null, names of touchpoints that count as conversion; null: the graph's
//     open_since   local datetime, journeys that end then or later without a goal are open
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
WITH u, j, labels, times, size(labels) AS length,
  CASE WHEN size(labels) < $asked.steps THEN size(labels) ELSE $asked.steps END AS steps,
  CASE WHEN CASE WHEN $asked.goals IS NULL THEN j.converted ELSE any(name IN j.names WHERE name IN $asked.goals) END
    THEN 'converted' WHEN j.ended_at >= $asked.open_since THEN 'open' ELSE 'dropped' END AS outcome
WHERE length > 0
UNWIND CASE $asked.where
    WHEN 'start' THEN [0]
    WHEN 'end' THEN [length - steps]
    WHEN 'around' THEN [i IN range(0, length - 1) WHERE labels[i] = $asked.around][..1]
    ELSE range(0, length - steps)
  END AS at
WITH u, j, labels, times, outcome,
  CASE WHEN $asked.where <> 'around' THEN at WHEN at < $asked.steps THEN 0 ELSE at - $asked.steps END AS first,
  CASE WHEN $asked.where <> 'around' THEN at + steps ELSE at + $asked.steps + 1 END AS past
WITH labels[first..past] AS path, count(*) AS count, collect(u) AS users, collect(j) AS journeys,
  collect(outcome) AS outcomes, collect(toInteger(times[first..past][-1]) - toInteger(times[first])) AS durations
ORDER BY count DESC, reduce(text = '', label IN path | text + ' > ' + label)
WITH collect({
  path: path, count: count, users: users, journeys: journeys, outcomes: outcomes, durations: durations
}) AS groups
// One row for each of the most common, and the last for all others, if there are any.
WITH groups, size([g IN groups[..$asked.top] WHERE g.count >= $asked.min_count]) AS leading
UNWIND range(1, leading + 1) AS row
UNWIND CASE WHEN row <= leading THEN groups[row - 1..row] ELSE groups[leading..] END AS g
UNWIND range(0, g.count - 1) AS i
WITH CASE WHEN row <= leading THEN row END AS rank, CASE WHEN row <= leading THEN g.path ELSE [] END AS path,
  i, g.users[i] AS u, g.journeys[i] AS j, g.outcomes[i] AS outcome, g.durations[i] AS us
WITH rank, path, count(CASE i WHEN 0 THEN 1 END) AS different, count(*) AS count, count(DISTINCT u) AS users,
  count(DISTINCT CASE outcome WHEN 'converted' THEN j END) AS converted,
  count(DISTINCT CASE outcome WHEN 'open' THEN j END) AS open,
  count(DISTINCT CASE outcome WHEN 'dropped' THEN j END) AS dropped,
  percentileCont(us, 0.5) / 1e6 AS median_seconds
WITH *, converted + open + dropped AS journeys
RETURN rank, path, different, count, users, journeys, converted, open, 1.0 * converted / journeys AS conversion,
  median_seconds
ORDER BY rank
