// name: answers/steps
// Step by step: for each step of the journeys, who is where, and by which outcome they leave.
// One row per step and label, `other` (all rarer labels) and end, in order; journeys come in once and leave once.
//   step            from 1; counted back from the end: from -1; around a touchpoint: 0 is that
//   kind            touchpoint, other; converted, open, dropped, beyond (the depth): leaving after this step;
//                   begin, earlier (than the depth): coming to this step, told unless steps count from the start
//   label           of the touchpoint, else the kind
//   different       how many labels the row stands for
//   journeys        that come through; users: those with at least one
//   share, share_of_step  of the journeys counted; of those at the step
//   converted, open of these journeys: those that reached a goal, and those that may still do so
//   conversion      converted share of these journeys
//   median_seconds  since the touchpoint before
// Each journey is first cut down to what counts: lookback, then exclude, then collapse.
//   $asked  map (one parameter, so that one plan serves all questions):
//     where        'start', 'end' or 'around'
//     around       string or null, the label whose first touchpoint in a journey is step 0
//     depth        integer, steps; around a touchpoint: before and after it
//     top          integer, how many labels per step
//     min_journeys integer, labels with fewer journeys at a step go to its others
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
WITH u, labels, times, size(labels) AS length,
  CASE WHEN CASE WHEN $asked.goals IS NULL THEN j.converted ELSE any(name IN j.names WHERE name IN $asked.goals) END
    THEN 'converted' WHEN j.ended_at >= $asked.open_since THEN 'open' ELSE 'dropped' END AS outcome
WHERE length > 0
WITH u, labels, times, length, outcome,
  CASE $asked.where
    WHEN 'start' THEN 0
    WHEN 'end' THEN length - 1
    ELSE [i IN range(0, length - 1) WHERE labels[i] = $asked.around][0]
  END AS origin,
  CASE $asked.where WHEN 'start' THEN 1 WHEN 'end' THEN -1 ELSE 0 END AS number,
  CASE $asked.where WHEN 'around' THEN $asked.depth ELSE $asked.depth - 1 END AS reach
WHERE origin IS NOT NULL
WITH *,
  CASE WHEN $asked.where = 'start' OR origin < reach THEN 0 ELSE origin - reach END AS first,
  CASE WHEN $asked.where = 'end' OR origin + reach >= length THEN length - 1 ELSE origin + reach END AS last
// Kinds by number, in the order of the rows: 0 begin, 1 earlier, 2 touchpoint, 3 other, 4 to 7 ends.
UNWIND
  [i IN range(first, last) | {
    step: i - origin + number, kind: 2, label: labels[i],
    wait: CASE WHEN i > 0 THEN toInteger(times[i]) - toInteger(times[i - 1]) END
  }]
  + CASE $asked.where WHEN 'start' THEN []
    ELSE [{step: first - origin + number, kind: CASE first WHEN 0 THEN 0 ELSE 1 END, label: '', wait: null}] END
  + [{
    step: last - origin + number, label: '', wait: null,
    kind: CASE WHEN last < length - 1 THEN 7 WHEN outcome = 'converted' THEN 4 WHEN outcome = 'open' THEN 5 ELSE 6 END
  }] AS visit
WITH visit.step AS step, visit.kind AS kind, visit.label AS label, count(*) AS journeys,
  collect({u: u, outcome: outcome, wait: visit.wait}) AS visits
ORDER BY step, kind, journeys DESC, label
WITH step, kind, collect({label: label, journeys: journeys, visits: visits}) AS groups
WITH step, kind, groups,
  CASE kind WHEN 2 THEN size([g IN groups[..$asked.top] WHERE g.journeys >= $asked.min_journeys]) ELSE 1 END AS own
// One row for each label of its own, and the last for all others, if there are any.
UNWIND range(0, own) AS row
UNWIND CASE WHEN row < own THEN groups[row..row + 1] ELSE groups[own..] END AS g
UNWIND g.visits AS visit
WITH step, CASE row WHEN own THEN 3 ELSE kind END AS kind, row, CASE WHEN row < own THEN g.label END AS label,
  count(DISTINCT CASE kind WHEN 2 THEN g.label END) AS different, count(*) AS journeys,
  count(DISTINCT visit.u) AS users, count(CASE visit.outcome WHEN 'converted' THEN 1 END) AS converted,
  count(CASE visit.outcome WHEN 'open' THEN 1 END) AS open, percentileCont(visit.wait, 0.5) / 1e6 AS median_seconds
ORDER BY step, kind, row
WITH collect({
  step: step, kind: kind, label: label, different: different, journeys: journeys, users: users,
  converted: converted, open: open, median_seconds: median_seconds
}) AS rows
WITH rows, reduce(sum = 0, row IN rows | sum + CASE WHEN row.kind > 3 THEN row.journeys ELSE 0 END) AS all
UNWIND range(0, size(rows) - 1) AS i
WITH rows[i] AS row, all, reduce(sum = 0, other IN rows |
  sum + CASE WHEN other.step = rows[i].step AND other.kind IN [2, 3] THEN other.journeys ELSE 0 END) AS at_step,
  ['begin', 'earlier', 'touchpoint', 'other', 'converted', 'open', 'dropped', 'beyond'] AS kinds
RETURN row.step AS step, kinds[row.kind] AS kind, CASE row.kind WHEN 2 THEN row.label ELSE kinds[row.kind] END AS label,
  row.different AS different, row.journeys AS journeys, row.users AS users, 1.0 * row.journeys / all AS share,
  1.0 * row.journeys / at_step AS share_of_step, row.converted AS converted, row.open AS open,
  1.0 * row.converted / row.journeys AS conversion, row.median_seconds AS median_seconds
