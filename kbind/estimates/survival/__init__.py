"""Survival: how long customers stay, and what goes with staying longer."""
