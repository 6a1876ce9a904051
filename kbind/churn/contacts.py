"""Whom to contact, by what it is expected to bring; and a file of it that is safe to open."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kbind.churn.leakage import without
from kbind.churn.profit import Campaign, Decision, contactable, decision_of
from kbind.churn.snapshots.snapshot_table import Snapshots
from kbind.churn.snapshots.snapshots import snapshots
from kbind.dataset.dataset import Dataset
from kbind.dataset.provenance import Provenance
from kbind.errors import ArgumentError, check_kind, check_path, check_rng, written
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import normal
from kbind.measures.occasions import Occasions
from kbind.result import Shown
from kbind.typing import Bools, Floats, Ints, Objects

#: Reasons given with each customer, and other customers they are compared with.
REASONS, DONORS = 3, 12
#: A cell that begins with one of these may be run as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, eq=False)
class ContactList(Shown):
    """Customers to contact, those who are expected to bring most first. Made by `contact_list`.

    Attributes
    ----------
    customer : ndarray of object, shape (n,)
        Nobody, if contacting anybody is expected to cost more than it brings.
    probability, value, expected_gain : ndarray of float, shape (n,)
        Of leaving; money that keeping the customer is worth; money expected from the contact, costs deducted.
    reasons : DataFrame
        customer_id, rank, feature, with (features that go with it), value, effect: how much of the predicted risk goes
        with the customer's own value instead of that of other customers. These are signs, not causes.
    n_customers, n_contactable, n_worthwhile : int
        At that date; of these, who may be contacted; of these, who are expected to bring more than they cost.
    expected : Estimate
        Money from the whole list, and where it will lie in 95 % of the cases if the probabilities are right, by the
        chance of who leaves and who accepts.
    as_of : datetime64
        Date of the list; NaT for data without dates.
    removed : dict of str to str
        Features that are proven to know the outcome, and how; the model did not have them.
    chosen : str
        The kind of model: "logistic", "boosting", or the class of a classifier.
    occasions : Occasions or None
        What gives an occasion to contact them.
    """

    customer: Objects
    probability: Floats = field(repr=False)
    value: Floats = field(repr=False)
    expected_gain: Floats = field(repr=False)
    reasons: pd.DataFrame = field(repr=False)
    n_customers: int
    n_contactable: int
    n_worthwhile: int
    expected: Estimate
    as_of: np.datetime64
    terms: Decision = field(repr=False)
    provenance: Provenance
    removed: dict[str, str]
    chosen: str
    occasions: Occasions | None = field(default=None, repr=False)

    @property
    def definition(self) -> str:
        """Who is on the list, and what a contact is taken to bring."""
        t = self.terms
        if len(self.customer) == 0:
            head = "Contact nobody: no customer who may be contacted is expected to bring more than the contact costs."
            if self.n_worthwhile:
                head = f"Contact nobody: the budget of {t.budget:,.10g} does not cover one contact and its offer."
        else:
            head = (
                f"{len(self.customer):,} of {self.n_contactable:,} customers who may be contacted, by expected gain; "
                f"{self.n_worthwhile:,} would bring more than they cost."
            )
        return (
            f"{head} A contact costs {t.cost:,.10g}, an accepted offer {t.offer:,.10g}; who would have left accepts "
            f"with the chance {t.acceptance:.10g} and is kept, who would have stayed takes the offer as well."
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a customer.

        Returns
        -------
        DataFrame
            customer_id, probability, value, expected_gain, reason_1, reason_2, reason_3 (names of features; missing
            where fewer raise the risk); with occasions, of the most urgent one: occasion, measure, channel, not_before
            (missing where there is none).
        """
        frame = pd.DataFrame(
            {
                "customer_id": self.customer,
                "probability": self.probability,
                "value": self.value,
                "expected_gain": self.expected_gain,
            }
        )
        frame = with_reasons(frame, self.reasons)
        if self.occasions is None:
            return frame
        urgent = self.occasions.most_urgent().set_index("customer_id")[["occasion", "measure", "channel", "not_before"]]
        return frame.join(urgent, on="customer_id")

    def to_csv(self, path: str | Path) -> None:
        """Write the list as CSV; text that a spreadsheet might run as a formula gets an apostrophe in front."""
        target = check_path("path", path)
        with written("path", target):
            save_csv(self.to_frame(), target)

    def to_excel(self, path: str | Path) -> None:
        """Write the list as a workbook; text stays text whatever it begins with."""
        target = check_path("path", path)
        with written("path", target):
            save_excel(self.to_frame(), target)


def with_reasons(frame: pd.DataFrame, reasons: pd.DataFrame) -> pd.DataFrame:
    """A row a customer, with the features that go with most of its risk: reason_1, reason_2, reason_3."""
    for rank in range(1, REASONS + 1):
        named = reasons[reasons["rank"] == rank].set_index("position")["feature"]
        frame[f"reason_{rank}"] = named.reindex(frame.index).astype(object)
    return frame


def save_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV; text that a spreadsheet might run as a formula gets an apostrophe in front."""
    words = frame.select_dtypes(exclude=["number", "bool"])
    safe = frame.assign(**{str(name): words[name].map(_harmless) for name in words})
    # quoted: a bare carriage return would otherwise begin a new row
    safe.to_csv(path, index=False, quoting=csv.QUOTE_NONNUMERIC)


def save_excel(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as a workbook; text stays text whatever it begins with."""
    from openpyxl import Workbook
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(frame.columns))
    for row, values in enumerate(frame.astype(object).where(frame.notna(), None).itertuples(index=False), start=2):
        for column, value in enumerate(values, start=1):
            cell = sheet.cell(row, column)
            if isinstance(value, str):
                cell.value = ILLEGAL_CHARACTERS_RE.sub("\ufffd", value)
                cell.data_type, cell.quotePrefix = "s", value.startswith(FORMULA)
            else:
                cell.value = value
    sheet.freeze_panes = "A2"
    book.save(path)


def contact_list(
    model: Any,
    snapshots: Snapshots,
    campaign: Campaign,
    *,
    keep: str | Sequence[str] | None = None,
    occasions: Occasions | None = None,
    rng: int | np.random.Generator = 0,
) -> ContactList:
    """Whom to contact at the last observation date, by expected gain and not by risk.

    Parameters
    ----------
    model : classifier, or {"default", "logistic", "boosting"}
        Fitted on snapshots whose outcome is known; by name, it is fitted here on these.
    snapshots : Snapshots
        Rows of the last date are judged; without dates, whoever has not left.
    campaign : Campaign
        With budget, cost, offer and acceptance.
    keep : str or sequence of str, optional
        As for `backtest`, of a model that is fitted here.
    occasions : Occasions, optional
        Made by `kb.occasions`: customers get the most urgent one, with its measure and the day before which nobody
        contacts them again; who pays without using is left out, unless a proven occasion speaks for it.
    rng : int or numpy.random.Generator
        Chooses the customers that reasons are compared with.

    Returns
    -------
    ContactList
        Empty where the best decision is to contact nobody.

    Raises
    ------
    ArgumentError
        The model is not fitted, or terms that cannot be.

    Notes
    -----
    Expected gain = p * acceptance * (value - offer) - (1 - p) * offer - cost, with p the probability of leaving: the
    profit model of the EMPC. Who has a high risk but little value, or would have to be given more than they bring, is
    not on the list. Where consent is recorded, only customers who gave it are.

    References
    ----------
    Verbraken, Verbeke and Baesens (2013), IEEE TKDE 25, 961-973; Ascarza (2018), JMR 55, 80-98, on why the highest risk
    is not the best target. Formula injection: OWASP.

    Examples
    --------
    >>> import kbind as kb
    >>> telco = kb.snapshots(kb.datasets.load_telco())
    >>> model = kb.ChurnClassifier("logistic").fit(telco)
    >>> terms = {"budget": 550, "offer": 10, "acceptance": 0.3, "value": 200}
    >>> listed = kb.contact_list(model, telco, kb.Campaign(cost=1, **terms))
    >>> len(listed.customer), bool((listed.expected_gain > 0).all())
    (50, True)
    >>> len(kb.contact_list(model, telco, kb.Campaign(cost=60, **terms)).customer)
    0
    """
    from kbind.churn.classifier import ChurnClassifier, chosen_by

    generator = check_rng(rng)
    check_kind("snapshots", snapshots, Snapshots, "kb.snapshots(...)")
    decision = decision_of(snapshots, campaign)
    if occasions is not None:
        check_kind("occasions", occasions, Occasions, "kb.occasions(...)")
    rows = last_rows(snapshots)
    if isinstance(model, str):
        model = ChurnClassifier(model, keep).fit(snapshots)
    elif keep is not None:
        raise ArgumentError(f"keep={keep!r} is for models by name; give it to ChurnClassifier(..., keep=...) instead")
    removed = dict(getattr(model, "removed_", {}))
    snapshots = without(snapshots, {name: why for name, why in removed.items() if name in snapshots.features})
    probability = _risk(model, snapshots, rows)
    gain = decision.gain(probability, rows)
    allowed = contactable(snapshots)[rows]
    if occasions is not None:
        allowed &= ~_asleep(occasions, snapshots.customer[rows])
    worth = allowed & (gain > 0)
    order = np.argsort(-np.where(worth, gain, -np.inf), kind="stable")
    chosen = order[: int(min(worth.sum(), decision.contacts))]
    return ContactList(
        customer=snapshots.customer[rows[chosen]],
        probability=probability[chosen],
        value=decision.value[rows[chosen]],
        expected_gain=gain[chosen],
        reasons=reasons_of(model, snapshots, rows, rows[chosen], generator),
        n_customers=len(rows),
        n_contactable=int(allowed.sum()),
        n_worthwhile=int(worth.sum()),
        expected=normal(float(gain[chosen].sum()), _spread(decision, probability[chosen], rows[chosen]), 0.95),
        as_of=snapshots.as_of[rows].max() if len(rows) else np.datetime64("NaT", "us"),
        terms=decision,
        provenance=snapshots.provenance,
        removed=removed,
        chosen=chosen_by(model),
        occasions=occasions,
    )


def last_rows(snapshots: Snapshots) -> Ints:
    """Rows of the last date; where there are no dates, of whoever has not left."""
    dates = snapshots.as_of
    if np.isnat(dates).all():
        return np.flatnonzero(snapshots.target != 1)
    return np.flatnonzero(dates == dates[~np.isnat(dates)].max())


def customers_here(data: Dataset) -> Objects:
    """Who is a customer at the end of the data."""
    dated = "subscriptions" in data.tables or "events" in data.tables
    seen = snapshots(data, as_of=[data.as_of] if dated else None)
    return np.asarray(seen.customer[last_rows(seen)])


def _risk(model: Any, snapshots: Snapshots, rows: Ints) -> Floats:
    from sklearn.exceptions import NotFittedError

    try:
        return np.asarray(model.predict_proba(snapshots.features.iloc[rows])[:, 1], dtype=float)
    except NotFittedError as error:
        name = type(model).__name__
        raise ArgumentError(f"model={name} is not fitted; fit it on snapshots whose outcome is known") from error
    except AttributeError as error:
        raise ArgumentError(f"model={model!r} gives no probabilities; allowed: a fitted classifier") from error


def _asleep(occasions: Occasions, customer: Objects) -> Bools:
    """Who pays without using, and would only be woken."""
    sleeping = np.setdiff1d(occasions.sleeping.astype(str), occasions.frame["customer_id"].astype(str))
    return np.isin(customer.astype(str), sleeping)


def _spread(decision: Decision, probability: Floats, rows: Ints) -> float:
    """Standard deviation of what the list brings, if the probabilities are right."""
    kept, offer = decision.value[rows] - decision.offer, decision.offer
    accepted, stays = probability * decision.acceptance, 1 - probability
    mean = accepted * kept - stays * offer
    return float(np.sqrt((accepted * kept**2 + stays * offer**2 - mean**2).sum()))


def reasons_of(model: Any, snapshots: Snapshots, everyone: Ints, rows: Ints, rng: np.random.Generator) -> pd.DataFrame:
    """The groups of features that go with most of each listed customer's risk."""
    from kbind.churn.risk_drivers import contributions, feature_groups

    columns = ["position", "customer_id", "rank", "feature", "with", "value", "effect"]
    if len(rows) == 0:
        return pd.DataFrame(columns=columns)
    features = snapshots.features
    groups = feature_groups(features.iloc[everyone])
    donors = rng.choice(everyone, min(DONORS, len(everyone)), replace=False)
    effect = contributions(model, features, rows, groups, donors)
    found = []
    for position, row in enumerate(rows):
        best = [g for g in np.argsort(-effect[position], kind="stable")[:REASONS] if effect[position, g] > 0]
        for rank, g in enumerate(best, start=1):
            first, *others = groups[g]
            what = features[first].iloc[row]
            found.append((position, snapshots.customer[row], rank, first, ", ".join(others), what, effect[position, g]))
    return pd.DataFrame(found, columns=columns)


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
