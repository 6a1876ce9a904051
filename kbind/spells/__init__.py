"""What follows each other is one spell: contracts within grace, orders within the longest usual silence."""
