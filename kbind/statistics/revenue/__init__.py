"""Recurring revenue reduced in the engine."""
