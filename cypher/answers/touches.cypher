// name: answers/touches
// First and last touch: where journeys begin and where they end. One row per label, those that most journeys begin with
// first (ties by last touches, then by text), then one with rank null that sums up all others.
//   label           of the touchpoint
//   different       how many labels the row stands for
//   first, last     journeys that begin and that end with it; _share: of all journeys; _users: their users
//   _converted, _open, _conversion  of these journeys: those that reached a goal, that may still do so, converted share
// Each journey is first cut down to what counts: lookback, then exclude, then collapse.
//   $asked  map (one parameter, so that one plan serves all questions):
//     top          integer, how many labels
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
WITH u, labels,
  CASE WHEN CASE WHEN $asked.goals IS NULL THEN j.converted ELSE any(name IN j.names WHERE name IN $asked.goals) END
    THEN 'converted' WHEN j.ended_at >= $asked.open_since THEN 'open' ELSE 'dropped' END AS outcome
WHERE size(labels) > 0
WITH collect({u: u, first: labels[0], last: labels[-1], outcome: outcome}) AS journeys
CALL (journeys) {
  UNWIND journeys AS journey
  UNWIND [[journey.first, 1, 0], [journey.last, 0, 1]] AS touch
  WITH touch[0] AS label, sum(touch[1]) AS first, sum(touch[2]) AS last
  ORDER BY first DESC, last DESC, label
  RETURN collect(label) AS ranked
}
UNWIND CASE size(ranked) WHEN 0 THEN [] ELSE range(0, size(ranked[..$asked.top])) END AS row
WITH journeys, row, CASE WHEN row < size(ranked[..$asked.top]) THEN ranked[row..row + 1] ELSE ranked[$asked.top..] END AS some
WHERE size(some) > 0
CALL (journeys, some) {
  UNWIND journeys AS journey
  WITH journey, journey.first IN some AS begins, journey.last IN some AS ends
  RETURN count(CASE WHEN begins THEN 1 END) AS first, count(DISTINCT CASE WHEN begins THEN journey.u END) AS first_users,
    count(CASE WHEN begins AND journey.outcome = 'converted' THEN 1 END) AS first_converted,
    count(CASE WHEN begins AND journey.outcome = 'open' THEN 1 END) AS first_open,
    count(CASE WHEN ends THEN 1 END) AS last, count(DISTINCT CASE WHEN ends THEN journey.u END) AS last_users,
    count(CASE WHEN ends AND journey.outcome = 'converted' THEN 1 END) AS last_converted,
    count(CASE WHEN ends AND journey.outcome = 'open' THEN 1 END) AS last_open
}
RETURN CASE WHEN row < $asked.top THEN row + 1 END AS rank, CASE WHEN row < $asked.top THEN some[0] END AS label,
  size(some) AS different, first, 1.0 * first / size(journeys) AS first_share, first_users, first_converted, first_open,
  CASE WHEN first > 0 THEN 1.0 * first_converted / first END AS first_conversion,
  last, 1.0 * last / size(journeys) AS last_share, last_users, last_converted, last_open,
  CASE WHEN last > 0 THEN 1.0 * last_converted / last END AS last_conversion
ORDER BY row
