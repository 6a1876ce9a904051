"""What becomes of recurring revenue, and what a point of retention is worth."""
