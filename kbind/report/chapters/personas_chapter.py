"""Chapter 05: what is computed, and who tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kbind.dataset.dataset import Dataset
from kbind.facts.personas import pick
from kbind.personas.evaluation import PersonaEvaluation, evaluate_personas
from kbind.personas.persona import Persona
from kbind.personas.questions import QualifyingQuestions, qualifying_questions
from kbind.personas.refinement.refine import refine_persona
from kbind.personas.refinement.refinement import Refinement
from kbind.report.chapters.base import Chapter, enough, needed, voice_of
from kbind.report.chapters.personas import PersonasStory

#: How often the customers are dealt out anew, to see how stable the choice of rules is.
_DEALS = 10


def personas_story(
    data: Dataset,
    evaluation: PersonaEvaluation | None,
    refinements: Mapping[str, Refinement],
    questions: QualifyingQuestions | None = None,
    again: Sequence[Refinement] = (),
    *,
    lang: str = "en",
    threshold: int = 5,
) -> PersonasStory:
    """The story of personas, in a language, silent about fewer customers than the threshold."""
    personas: tuple[Persona, ...] = () if evaluation is None else evaluation.personas
    currencies = {persona.revenue.currency for persona in personas if persona.revenue is not None}
    action = "stay" if "subscriptions" in data.tables or "events" not in data.tables else "use"
    currency = currencies.pop() if len(currencies) == 1 else ""
    voice = voice_of(data, lang, threshold, action=action, currency=currency)
    return PersonasStory(data, evaluation, refinements, questions, again, voice)


class PersonasChapter(Chapter):
    """Which persona fits those who stay."""

    name = "05_personas"
    needs = (("customers",), ("subscriptions", "events", "role:tenure"))

    def compute(self) -> None:
        """Personas held against customers, refined, and what to ask leads."""
        data, personas, exclude = self.data, self.study.known_personas, self.study.exclude
        self.evaluation = evaluate_personas(personas, data) if personas else None
        wanted = [persona for persona in personas if not persona.negative]
        self.refined = {persona.name: refine_persona(persona, data, exclude=exclude) for persona in wanted}
        chosen = pick(self.refined.values())
        deals = range(1, _DEALS + 1) if chosen else ()
        self.again = [refine_persona(needed(chosen).persona, data, exclude=exclude, rng=k) for k in deals]
        about = chosen.refined if chosen else wanted[0] if wanted else None
        self.questions = None if about is None else enough(qualifying_questions, about, data, exclude=exclude)

    def story(self, lang: str) -> PersonasStory:
        """The results in the words of a language."""
        return personas_story(
            self.data,
            self.evaluation,
            self.refined,
            self.questions,
            self.again,
            lang=lang,
            threshold=self.study.threshold,
        )
