"""What is said about loyal customers in general, held against one company's own data."""
