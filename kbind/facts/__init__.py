"""Numbers of results as facts, by topic: what stories tell and figures show is read here, once."""
