"""The card of a persona: one page, of the same blocks as every chapter."""

from __future__ import annotations

from kbind.errors import ArgumentError, check_kind
from kbind.personas.evaluation import PersonaEvaluation
from kbind.personas.persona import Persona
from kbind.report.blocks import Block, Foot, Section, Summary
from kbind.report.chapters.persona import PersonaStory
from kbind.report.pages import block_page
from kbind.text.disclosure import Disclosure
from kbind.text.messages import Catalogue
from kbind.text.voice import Voice


def persona_card(
    persona: Persona,
    evaluation: PersonaEvaluation | None = None,
    *,
    lang: str = "en",
    threshold: int = 5,
) -> str:
    """A persona on one page of HTML: who fits, what is said of them and what that rests on, and what was measured.

    Parameters
    ----------
    persona : Persona
    evaluation : PersonaEvaluation, optional
        From `evaluate_personas` with this persona. Without, the card says that nothing was measured.
    lang : {"de", "en"}
    threshold : int
        Smallest number of customers that is told.

    Returns
    -------
    str
        A page that needs no other file.

    Raises
    ------
    ArgumentError
        The evaluation is of other personas, or the language or threshold is not known.

    Examples
    --------
    >>> rule = {"attribute": "goal", "in": ["grow"]}
    >>> text = {"de": "Will wachsen", "en": "Wants to grow"}
    >>> "Wants to grow" in persona_card(Persona("grower", 1, "Sales", "2026-01-01", text, (rule,)))
    True
    """
    if not isinstance(persona, Persona):
        raise ArgumentError(f"persona: a {type(persona).__name__} is no persona; read one first: kb.Persona.load(...)")
    if evaluation is not None:
        check_kind("evaluation", evaluation, PersonaEvaluation, "kb.evaluate_personas(...)")
    Catalogue(lang)
    customer = "customer" if evaluation is None else evaluation.members.lives.provenance.customer
    story = PersonaStory(persona, evaluation, Voice(lang, customer=customer, disclosure=Disclosure(threshold)))
    text = story.voice.catalogue.text
    rules, match, table = story.rules()
    statements, said = story.statements()
    blocks: list[Block] = [
        Summary(
            kicker=story.kicker(),
            about=story.about(),
            question=story.question(),
            label=text("page.glance"),
            finding=story.finding(),
            rows=story.rows(),
            tiles=story.tiles(),
            tiles_label=text("persona.tiles"),
        ),
        Section(rules, [match], table),
        Section(statements, [], said),
        Foot(text("persona.foot.heading"), story.definitions()),
    ]
    return block_page(blocks, lang, story.question())
