"""What customers buy, whom they bring, and when a silence means that they are gone."""
