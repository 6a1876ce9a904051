"""Arms of campaigns: who was treated, and who was held back."""

from __future__ import annotations

from kbind.dataset.dataset import Dataset
from kbind.engine.engine import Expression, column, literal, parse

#: What campaigns call those who were held back, in small letters.
HELD_BACK = ("control", "holdout", "kontrolle", "kontrollgruppe", "0", "false")


def treated(data: Dataset, table: str | None = None) -> Expression:
    """Whether a row of campaigns is a contact: NULL where the arm is empty, TRUE where there are no arms.

    Parameters
    ----------
    data : Dataset
        With a table `campaigns`.
    table : str, optional
        Alias of that table in the statement.

    Returns
    -------
    Expression
    """
    if not data.has("campaigns.arm"):
        return parse("TRUE")
    return parse(
        "CASE WHEN coalesce(trim(CAST(_x AS VARCHAR)), '') <> '' "
        "THEN NOT list_contains(_names, lower(trim(CAST(_x AS VARCHAR)))) END",
        names=literal(list(HELD_BACK)),
        x=column("arm", table) if table else column("arm"),
    )
