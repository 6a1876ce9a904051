"""Third floor: sufficient statistics in, results with intervals and definitions out. No engine, no plotting."""
