// name: write/load
// Creates some whole components of a graph that holds none of their keys yet. Nothing is looked up but the channels:
// rows say by their position in these parameters what they belong to. A table comes as a map of its columns, all of one
// length; times are microseconds since 1970.
//   $users  list of maps: every property of a user
//   $identifiers  columns: every property of an identifier
//   $owned  columns: position, owner, positions in $identifiers and $users: who has which
//   $links  columns: every property of a link; source, target, positions in $identifiers
//   $journeys  columns: every property of a journey; owner, position in $users
//   $channels  list of strings, keys of the channels that are there already
//   $touchpoints  columns: every property of a touchpoint; via, position in $channels
//   $starts  columns: journey, first, positions in $journeys and $touchpoints
//   $hops  columns: target, position in $touchpoints (the source stands just before it); seconds
WITH localdatetime('1970-01-01') AS epoch
CALL (epoch) {
  UNWIND $users AS row
  CREATE (u:User)
  SET u = row,
      u.first_seen = CASE WHEN row.first_seen IS NOT NULL THEN epoch + duration({microseconds: row.first_seen}) END,
      u.last_seen = CASE WHEN row.last_seen IS NOT NULL THEN epoch + duration({microseconds: row.last_seen}) END
  RETURN collect(u) AS users
}
CALL (epoch) {
  UNWIND range(0, size($identifiers.key) - 1) AS k
  CREATE (i:Identifier {
    key: $identifiers.key[k],
    type: $identifiers.type[k],
    value: $identifiers.value[k],
    status: $identifiers.status[k],
    component: $identifiers.component[k],
    first_seen: CASE
      WHEN $identifiers.first_seen[k] IS NOT NULL THEN epoch + duration({microseconds: $identifiers.first_seen[k]})
    END,
    last_seen: CASE
      WHEN $identifiers.last_seen[k] IS NOT NULL THEN epoch + duration({microseconds: $identifiers.last_seen[k]})
    END,
    user_key: $identifiers.user_key[k]
  })
  RETURN collect(i) AS identifiers
}
CALL (users, identifiers) {
  UNWIND range(0, size($owned.owner) - 1) AS k
  WITH users[$owned.owner[k]] AS u, identifiers[$owned.position[k]] AS i
  CREATE (u)-[:HAS]->(i)
}
CALL (epoch, identifiers) {
  UNWIND range(0, size($links.component) - 1) AS k
  WITH epoch, k, identifiers[$links.source[k]] AS a, identifiers[$links.target[k]] AS b
  CREATE (a)-[:SEEN_WITH {
    component: $links.component[k],
    count: $links.count[k],
    first_seen: CASE
      WHEN $links.first_seen[k] IS NOT NULL THEN epoch + duration({microseconds: $links.first_seen[k]})
    END,
    last_seen: CASE
      WHEN $links.last_seen[k] IS NOT NULL THEN epoch + duration({microseconds: $links.last_seen[k]})
    END,
    sources: $links.sources[k],
    confidence: $links.confidence[k],
    declared: $links.declared[k],
    accepted: $links.accepted[k],
    reason: $links.reason[k]
  }]->(b)
}
CALL (epoch, users) {
  UNWIND range(0, size($journeys.key) - 1) AS k
  WITH epoch, k, users[$journeys.owner[k]] AS u
  CREATE (u)-[:TOOK]->(j:Journey {
    key: $journeys.key[k],
    user: $journeys.user[k],
    component: $journeys.component[k],
    started_at: epoch + duration({microseconds: $journeys.started_at[k]}),
    ended_at: epoch + duration({microseconds: $journeys.ended_at[k]}),
    steps: $journeys.steps[k],
    converted: $journeys.converted[k],
    value: $journeys.value[k],
    currency: $journeys.currency[k],
    touchpoints: $journeys.touchpoints[k],
    names: $journeys.names[k],
    channels: $journeys.channels[k],
    stages: $journeys.stages[k],
    times: $journeys.times[k],
    values: $journeys.values[k]
  })
  RETURN collect(j) AS journeys
}
CALL () {
  UNWIND $channels AS key
  MATCH (c:Channel {key: key})
  RETURN collect(c) AS channels
}
CALL (epoch, channels) {
  UNWIND range(0, size($touchpoints.key) - 1) AS k
  WITH epoch, k, channels[$touchpoints.via[k]] AS c
  CREATE (t:Touchpoint {
    key: $touchpoints.key[k],
    kind: $touchpoints.kind[k],
    source: $touchpoints.source[k],
    at: epoch + duration({microseconds: $touchpoints.at[k]}),
    name: $touchpoints.name[k],
    channel: $touchpoints.channel[k],
    stage: $touchpoints.stage[k],
    value: $touchpoints.value[k],
    cost: $touchpoints.cost[k],
    currency: $touchpoints.currency[k],
    sentiment: $touchpoints.sentiment[k],
    question: $touchpoints.question[k],
    identifiers: $touchpoints.identifiers[k],
    traits: $touchpoints.traits[k],
    properties: $touchpoints.properties[k],
    confidence: $touchpoints.confidence[k],
    own_stage: $touchpoints.own_stage[k],
    step: $touchpoints.step[k]
  })-[:VIA]->(c)
  RETURN collect(t) AS touchpoints
}
CALL (journeys, touchpoints) {
  UNWIND range(0, size($starts.journey) - 1) AS k
  WITH journeys[$starts.journey[k]] AS j, touchpoints[$starts.first[k]] AS t
  CREATE (j)-[:STARTS]->(t)
}
CALL (touchpoints) {
  UNWIND range(0, size($hops.target) - 1) AS k
  WITH k, touchpoints[$hops.target[k] - 1] AS a, touchpoints[$hops.target[k]] AS b
  CREATE (a)-[:NEXT {seconds: $hops.seconds[k]}]->(b)
}
