"""One row a customer and observation date: what was known then, and what became of the customer."""
