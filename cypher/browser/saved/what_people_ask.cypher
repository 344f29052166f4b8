// What do people ask?
// Questions are texts that people wrote: personal data may stand in them.
MATCH (t:Touchpoint)
WHERE t.question IS NOT NULL
RETURN t.channel AS channel, t.name AS touchpoint, t.question AS question, count(*) AS times
ORDER BY times DESC, channel, question
LIMIT 20;
