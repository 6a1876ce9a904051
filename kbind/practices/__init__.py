"""What a company does for its customers, measured: an indicator for each of twelve practices."""
