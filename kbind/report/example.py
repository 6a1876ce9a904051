"""The example report: one invented company, a shop without contracts, and counts as a template holds them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from kbind.dataset.dataset import Dataset
from kbind.datasets import load_counts, load_grocery, load_saas

#: The invented company whose customers fall into groups.
COMPANY = "clear_segments"


def example(name: str, lang: str) -> Dataset:
    """The data that the example report tells a chapter of, opened once; the counts name their reasons in a language."""
    if name.startswith("01c"):
        return _counts(lang)
    return _shop() if name.startswith("01d") else _company()


@cache
def _company() -> Dataset:
    return load_saas(COMPANY)


@cache
def _shop() -> Dataset:
    return _apart(load_grocery())


@cache
def _counts(lang: str) -> Dataset:
    return _apart(load_counts(lang))


def _apart(data: Dataset) -> Dataset:
    """The same, marked as being about another company than the other chapters."""
    return replace(data, card=replace(data.card, apart=True))
