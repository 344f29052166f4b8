// How do people feel?
// Mean sentiment at each touchpoint, from -1 to 1, the worst first.
MATCH (t:Touchpoint)
WHERE t.sentiment IS NOT NULL
RETURN t.name AS touchpoint, avg(t.sentiment) AS mean_sentiment, count(*) AS told
ORDER BY mean_sentiment, touchpoint;
