// name: answers/totals
// What an answer is counted on: all journeys, those that the filters choose, those of them that keep a touchpoint, and
// of these their users, those that converted, and those that are open.
//   $asked  map (one parameter, so that one plan serves all questions):
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
WITH u, j,
  CASE WHEN size($asked.exclude) > 0 THEN j.names END AS names,
  CASE WHEN size($asked.exclude) > 0 THEN j.times END AS times
WITH u, j, names IS NULL OR any(i IN range(0, size(names) - 1) WHERE NOT names[i] IN $asked.exclude
  AND ($asked.lookback IS NULL OR toInteger(times[-1]) - toInteger(times[i]) <= $asked.lookback)) AS counted
WITH u, counted,
  CASE WHEN CASE WHEN $asked.goals IS NULL THEN j.converted ELSE any(name IN j.names WHERE name IN $asked.goals) END
    THEN 'converted' WHEN j.ended_at >= $asked.open_since THEN 'open' ELSE 'dropped' END AS outcome
WITH count(*) AS chosen, count(CASE WHEN counted THEN 1 END) AS counted,
  count(DISTINCT CASE WHEN counted THEN u END) AS users,
  count(CASE WHEN counted AND outcome = 'converted' THEN 1 END) AS converted,
  count(CASE WHEN counted AND outcome = 'open' THEN 1 END) AS open
RETURN COUNT { (:Journey) } AS journeys, chosen, counted, users, converted, open
