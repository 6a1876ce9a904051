"""First floor: anything in, checked tables out."""
