"""Customer journeys as a graph."""
