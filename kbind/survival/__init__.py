"""When customers leave: durations, curves, comparisons, causes, hazards, projections."""
