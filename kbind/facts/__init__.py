"""Numbers of results as facts, by topic: what chapters tell and pictures show is read here, once."""
