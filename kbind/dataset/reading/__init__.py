"""Values as people write them: numbers, money, times, ids, yes and no."""
