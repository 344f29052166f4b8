// name: read/counts
// How much of everything the graph holds (from the store's own counters, whatever its size).
RETURN
  COUNT { (:Touchpoint) } AS touchpoints, COUNT { (:Record) } AS records, COUNT { (:User) } AS users,
  COUNT { (:Identifier) } AS identifiers, COUNT { ()-[:SEEN_WITH]->() } AS links,
  COUNT { (:Journey) } AS journeys, COUNT { (:Channel) } AS channels,
  COUNT { (:Decision) } AS decisions, COUNT { (:Erasure) } AS erasures
