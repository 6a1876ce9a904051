"""What a data set can answer, chapter by chapter, and what the rest would take: the words of `check` and `init`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kbind.dataset.dataset import Dataset
from kbind.dataset.schema import USES, Use

#: What each chapter asks, by the key of a use.
QUESTIONS: Mapping[str, str] = {
    "returns": "how many customers come back, by age and cohort",
    "contracts": "how many customers under contract stay",
    "revenue": "how much recurring revenue stays, and what one more customer kept is worth",
    "purchases": "what customers without a contract bring, and when they are gone",
    "counts": "how many customers stay, from counts by period",
    "leaving": "when customers leave",
    "causes": "who goes by choice, and who because a payment failed",
    "contact": "what it does when the contact person leaves",
    "prediction": "who is about to leave, and whom it is worth contacting",
    "common": "what the lost customers have in common",
    "stated": "which reasons they gave, and whether these fit",
    "personas": "which buyer personas stay, and what to ask before signing",
    "bonds": "what binds the customers who stay, and which measures fit",
    "worked": "whether a campaign kept anybody",
}


#: What a role says of customers.
_ROLES = {
    "role:churned": "roles: {churned: ...} (who has left)",
    "role:tenure": "roles: {tenure: ...} (for how many months)",
}


def lacking(data: Dataset, needs: Sequence[Sequence[str]]) -> list[str]:
    """What of each group of alternatives is there in no form: `events or subscriptions`, `customers.industry`.

    A role is no alternative that anybody has to be told of.
    """
    groups = [group for group in needs if not any(data.has(need) for need in group)]
    return [" or ".join(need for need in group if ":" not in need) for group in groups]


def anything(data: Dataset) -> bool:
    """Whether there is a question that the data answers."""
    return any(not lacking(data, use.needs) for use in USES)


def answers(data: Dataset) -> str:
    """What runs, and what one more table or column unlocks.

    Examples
    --------
    >>> import pandas as pd
    >>> from kbind.dataset.opening import open_dataset
    >>> log = pd.DataFrame({"customer_id": [1, 2], "timestamp": "2024-01-01"})
    >>> print(answers(open_dataset({"events": log})))  # doctest: +ELLIPSIS
    Chapters that run:
      01 how many customers come back, by age and cohort
      02 when customers leave
      03 who is about to leave, and whom it is worth contacting
    What else would be possible:
      01 how many customers under contract stay: needs subscriptions
      ...
    """
    return "\n".join(_lines(data))


def _lines(data: Dataset) -> Iterator[str]:
    missing = [(use, lacking(data, use.needs)) for use in USES]
    yield "Chapters that run:"
    able = [use for use, needs in missing if not needs]
    yield from (f"  {use.chapter} {QUESTIONS[use.key]}" for use in able)
    if not able:
        yield "  none"
    if len(able) < len(missing):
        yield "What else would be possible:"
        yield from (_wanting(data, use) for use, needs in sorted(missing, key=lambda each: len(each[1])) if needs)


def _wanting(data: Dataset, use: Use) -> str:
    """A question that is open, and what it takes; a role stands as what `kbind.yaml` may say of customers."""
    groups = [group for group in use.needs if not any(data.has(need) for need in group)]
    there = "customers" in data.tables
    told = [" or ".join(_ROLES.get(need, need) for need in group if there or need not in _ROLES) for group in groups]
    return f"  {use.chapter} {QUESTIONS[use.key]}: needs {' and '.join(told)}"
