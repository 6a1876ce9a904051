"""Buyer personas: their files, who fits and stays, how they should change, what to ask."""
