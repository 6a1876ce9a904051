"""Buyer personas: what a file says about whom to sell to, checked, and written back without losing a comment."""

from kbind.data.personas.model import Persona
from kbind.data.personas.parts import ASSUMED, BONDS, MARKS, Bonding, Mark, Revenue, Rule, Statement

__all__ = ["ASSUMED", "BONDS", "MARKS", "Bonding", "Mark", "Persona", "Revenue", "Rule", "Statement"]
