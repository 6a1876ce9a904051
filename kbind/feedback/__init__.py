"""What customers say: scores, differences between groups, and the course of each customer."""
