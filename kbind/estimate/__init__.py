"""What every estimate rests on: intervals, sums, several tests at once."""
