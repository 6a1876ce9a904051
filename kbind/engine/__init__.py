"""The one door to the database engine: statements, and what runs in a process of its own."""
