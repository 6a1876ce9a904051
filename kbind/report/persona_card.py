"""The card of a persona: one page, of the same blocks as every chapter."""

from __future__ import annotations

import re

from kbind.errors import check_kind
from kbind.personas.evaluation import PersonaEvaluation
from kbind.personas.persona import Persona
from kbind.report.blocks import Block, Foot, Section, Summary
from kbind.report.chapters.persona import PersonaStory
from kbind.report.pages import Page as Page
from kbind.report.pages import block_page
from kbind.text.disclosure import Disclosure
from kbind.text.messages import Catalogue
from kbind.text.voice import Voice

#: Codes of currencies that money is written with; others stay a plain number.
_CODE = re.compile("[A-Z]{3}")


def persona_card(
    persona: Persona, evaluation: PersonaEvaluation | None = None, *, lang: str = "en", threshold: int = 5
) -> Page:
    """The card of a persona; see `Persona.card`."""
    if evaluation is not None:
        check_kind("evaluation", evaluation, PersonaEvaluation, "kb.evaluate_personas(...)")
    Catalogue(lang)
    customer = "customer" if evaluation is None else evaluation.members.lives.provenance.customer
    currency = persona.revenue.currency if persona.revenue is not None else ""
    known = currency if _CODE.fullmatch(currency) else ""
    voice = Voice(lang, customer=customer, disclosure=Disclosure(threshold), currency=known)
    story = PersonaStory(persona, evaluation, voice)
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
            made=story.made(),
        ),
        Section(rules, [match], table),
        Section(statements, [], said),
        Foot(text("persona.foot.heading"), story.definitions()),
    ]
    return block_page(persona.name, blocks, lang, story.question())
