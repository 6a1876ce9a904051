"""How many customers stay: activity, rates, cohorts, the life cycle."""
