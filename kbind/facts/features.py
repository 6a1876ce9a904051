"""What a feature of a snapshot is called: "Logins in the last 30 days", "Anmeldungen in den letzten 30 Tagen"."""

from __future__ import annotations

from kbind.churn.snapshots.snapshot_table import Feature
from kbind.text.messages import Catalogue
from kbind.text.names import named

#: Measures whose words depend on the column, and those that depend on the side a contact is on.
_BY_COLUMN = ("value", "flag", "sum", "sum_change", "price_per_seat", "days_to")
_BY_SIDE = ("number", "left")


def feature_name(feature: Feature, lang: str) -> str:
    """A feature in plain words.

    Kinds, instruments and attributes that we have no word for keep the data's own, made fit to stand in a sentence.

    Parameters
    ----------
    feature : Feature
        One of `Snapshots.meanings`.
    lang : {"de", "en"}
        Language.

    Returns
    -------
    str
        Begins with a capital, without a full stop.

    Examples
    --------
    >>> feature_name(Feature("events_count_login_30", "count", "events", level="login", window=30), "en")
    'Logins in the last 30 days'
    >>> feature_name(Feature("events_days_since_export", "days_since", "events", level="export"), "de")
    'Tage seit dem letzten Ereignis „export“'
    """
    catalogue = Catalogue(lang)
    measure, table, column = feature.measure, feature.table, feature.column
    days = str(feature.window)
    if measure == "attribute":
        return _attribute(catalogue, column)
    if measure in ("tenure", "gap", "rhythm", "open"):
        return catalogue.text(f"feature.{measure}.{table}")
    if measure in _BY_COLUMN:
        return catalogue.text(f"feature.{measure}.{column}", days=days)
    if measure in _BY_SIDE:
        side = feature.level or "all"
        return catalogue.text(f"feature.{measure}.{table}_{side}", days=days)
    if measure in ("mean", "last"):
        return catalogue.text(f"feature.{measure}.{column}", days=days, instrument=_instrument(feature.level))
    if measure == "change" and column:
        return catalogue.text("feature.change.column", what=catalogue.text(f"feature.value.{column}"), days=days)
    if measure == "days_since":
        return catalogue.text("feature.days_since.any", last=_rows(catalogue, feature, "latest"))
    rows = _rows(catalogue, feature, "rows")
    if measure == "count":
        return catalogue.text("feature.count.window" if feature.window else "feature.count.ever", rows=rows, days=days)
    longer = str(3 * feature.window)
    return catalogue.text(f"feature.{measure}.rows", rows=rows, days=days, longer=longer)


def _rows(catalogue: Catalogue, feature: Feature, form: str) -> str:
    """Rows of a table, or of one kind of them: "logins"; the last of them: "dem letzten Ticket"."""
    if feature.table == "feedback":
        return catalogue.text(f"feature.{form}.feedback", instrument=_instrument(feature.level))
    if not feature.level:
        return catalogue.text(f"feature.{form}.{feature.table}")
    key = f"feature.{form}.events_{feature.level}"
    return (
        catalogue.text(key) if catalogue.has(key) else catalogue.text(f"feature.{form}.kind", kind=named(feature.level))
    )


def _instrument(name: str) -> str:
    """Abbreviations that everybody knows in capitals, others as the data has them."""
    return name.upper() if name.lower() in ("nps", "csat", "ces") else named(name)


def _attribute(catalogue: Catalogue, column: str) -> str:
    key = f"feature.attribute.{column}"
    if catalogue.has(key):
        return catalogue.text(key)
    own = named(column.replace("_", " "))
    return own[:1].upper() + own[1:]
