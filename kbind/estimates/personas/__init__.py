"""What the data says of buyer personas: who fits, who of them stays, what they bring, and what moves."""

from kbind.estimates.personas.drift import PersonaDrift, persona_drift
from kbind.estimates.personas.evaluation import PersonaEvaluation, evaluate_personas

__all__ = ["PersonaDrift", "PersonaEvaluation", "evaluate_personas", "persona_drift"]
