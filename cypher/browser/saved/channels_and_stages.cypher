// Which channels at which stage?
MATCH (u:User)-[:TOOK]->(j:Journey)
UNWIND range(0, size(j.names) - 1) AS i
WITH u, j.channels[i] AS channel, coalesce(j.stages, [''])[i] AS stage
RETURN channel, CASE stage WHEN '' THEN '(no stage)' ELSE stage END AS stage, count(*) AS touchpoints,
       count(DISTINCT u) AS users
ORDER BY channel, stage;
