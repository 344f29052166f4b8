// What does the graph hold?
MATCH (g:Graph)
RETURN g.revision AS revision, COUNT { (:User) } AS users, COUNT { (:Identifier) } AS identifiers,
       COUNT { (:Journey) } AS journeys, COUNT { (:Touchpoint) } AS touchpoints, COUNT { (:Channel) } AS channels;
