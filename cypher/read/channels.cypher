// name: read/channels
// Every channel with its kind.
MATCH (c:Channel)
RETURN c.key, c.kind
