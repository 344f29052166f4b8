// name: answers/funnel
// A closed funnel of required steps, strict or in sequence: how many get how far, how long it takes, what the others do.
// One row per step, in order.
//   label           of the step
//   users, journeys whose best attempt holds the step; entries: attempts that hold it
//   share, share_of_previous  users, of those who enter, and of those at the step before
//   median_seconds, p90_seconds  since the step before, over the journeys' best attempts
//   stopped         users whose best attempt ends here; open: those of them whose journey is open
//   instead         what those who stopped did next: up to five of {label, users}
// An attempt reaches a step if any increasing choice of touchpoints meets all limits: `reach` holds, per step, all
// touchpoints that some choice can have there, `keep` those of them that go as far as the attempt gets, and `match` the
// first such choice. The best attempt gets farthest, and is the earliest of those.
// Each journey is first cut down to what counts: lookback, then exclude, then collapse.
//   $asked  map (one parameter, so that one plan serves all questions):
//     steps        list of maps {text, labels, within}: its text, which labels match it, and how many microseconds
//                  after the step before at most (or null)
//     order        'sequence' or 'strict' (only neighbours match)
//     every_entry  boolean, each touchpoint of the first step is an entry; else a journey's first only
//     window       integer or null, microseconds from the entry to any later step at most
//     not_between  list of strings, labels that must not lie between two matched touchpoints
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
WITH u, j, labels, [time IN times | toInteger(time)] AS times, size(labels) AS length,
  CASE WHEN CASE WHEN $asked.goals IS NULL THEN j.converted ELSE any(name IN j.names WHERE name IN $asked.goals) END
    THEN 'converted' WHEN j.ended_at >= $asked.open_since THEN 'open' ELSE 'dropped' END AS outcome
WHERE length > 0
WITH u, j, labels, times, length, outcome,
  [i IN range(0, length - 1) WHERE labels[i] IN $asked.steps[0].labels] AS entries,
  [i IN range(0, length - 1) WHERE labels[i] IN $asked.not_between] AS breaking
UNWIND CASE WHEN $asked.every_entry THEN entries ELSE entries[..1] END AS entry
WITH u, j, labels, times, length, outcome, entry, breaking,
  reduce(reach = [[entry]], k IN range(1, size($asked.steps) - 1) | reach + [[
    after IN range(entry + 1, length - 1) WHERE labels[after] IN $asked.steps[k].labels
      AND ($asked.window IS NULL OR times[after] - times[entry] <= $asked.window)
      AND any(before IN reach[-1] WHERE before < after AND ($asked.order <> 'strict' OR after = before + 1)
        AND ($asked.steps[k].within IS NULL OR times[after] - times[before] <= $asked.steps[k].within)
        AND none(at IN breaking WHERE before < at AND at < after))
  ]]) AS reach
WITH u, j, labels, times, length, outcome, entry, breaking, [at IN reach WHERE size(at) > 0] AS reach
WITH u, j, labels, times, length, outcome, entry, breaking, size(reach) AS steps,
  reduce(keep = reach[-1..], k IN range(size(reach) - 1, 1, -1) | [[
    before IN reach[k - 1] WHERE any(after IN keep[0] WHERE before < after AND ($asked.order <> 'strict' OR after = before + 1)
      AND ($asked.steps[k].within IS NULL OR times[after] - times[before] <= $asked.steps[k].within)
      AND none(at IN breaking WHERE before < at AND at < after))
  ]] + keep) AS keep
WITH u, j, labels, times, length, outcome, entry, steps,
  reduce(match = [entry], k IN range(1, steps - 1) | match + [
    after IN keep[k] WHERE match[-1] < after AND ($asked.order <> 'strict' OR after = match[-1] + 1)
      AND ($asked.steps[k].within IS NULL OR times[after] - times[match[-1]] <= $asked.steps[k].within)
      AND none(at IN breaking WHERE match[-1] < at AND at < after)
  ][..1]) AS match
ORDER BY steps DESC, entry
WITH u, j, length, labels, times, outcome, collect(steps) AS attempts, collect(match)[0] AS match
ORDER BY size(match) DESC, j.started_at, j.key
WITH u, collect({
  attempts: attempts, steps: size(match), open: outcome = 'open',
  waits: [k IN range(1, size(match) - 1) | times[match[k]] - times[match[k - 1]]],
  then: CASE WHEN match[-1] + 1 < length THEN labels[match[-1] + 1] ELSE '(nothing more)' END
}) AS journeys
WITH collect(journeys) AS people
WITH people, [k IN range(1, size($asked.steps)) | size([all IN people WHERE all[0].steps >= k])] AS reached
UNWIND range(1, size($asked.steps)) AS step
CALL (people, step) {
  UNWIND people AS all
  UNWIND all AS journey
  WITH step, journey
  WHERE journey.steps >= step
  WITH CASE WHEN step > 1 THEN journey.waits[step - 2] END AS wait,
    size([steps IN journey.attempts WHERE steps >= step]) AS attempts
  RETURN count(*) AS journeys, sum(attempts) AS entries,
    percentileCont(wait, 0.5) / 1e6 AS median_seconds, percentileCont(wait, 0.9) / 1e6 AS p90_seconds
}
CALL (people, step) {
  UNWIND people AS all
  WITH step, all[0] AS journey
  WHERE journey.steps = step AND step < size($asked.steps)
  WITH journey.then AS label, count(*) AS users, count(CASE WHEN journey.open THEN 1 END) AS open
  ORDER BY users DESC, label
  WITH collect({label: label, users: users}) AS instead, sum(users) AS stopped, sum(open) AS open
  RETURN instead[..5] AS instead, stopped, open
}
RETURN step, $asked.steps[step - 1].text AS label, false AS optional, 1 AS different, reached[step - 1] AS users, journeys,
  entries, CASE reached[0] WHEN 0 THEN 0.0 ELSE 1.0 * reached[step - 1] / reached[0] END AS share,
  CASE WHEN step > 1 AND reached[step - 2] > 0 THEN 1.0 * reached[step - 1] / reached[step - 2] END AS share_of_previous,
  median_seconds, p90_seconds, stopped, open, instead
ORDER BY step
