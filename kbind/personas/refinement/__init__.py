"""How a persona should change so that it mirrors the customers who stay."""
