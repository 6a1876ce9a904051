"""Which features move the predicted risk, by how much, and how sure that is. Not why customers leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from kbind.churn.folds import fit_on, learnable
from kbind.churn.leakage import without_leaks
from kbind.churn.snapshots.picking import customer_codes
from kbind.churn.snapshots.snapshot_table import Snapshots
from kbind.dataset.provenance import Provenance
from kbind.errors import (
    ArgumentError,
    NotEnoughData,
    check_conf_level,
    check_count,
    check_kind,
    check_rng,
    listed,
    shown,
)
from kbind.result import Shown
from kbind.typing import Bools, Floats, Ints

#: Features that belong together from this association on (Cramér's V, numbers cut into fifths).
TOGETHER = 0.5
#: Rows that associations are measured on at most.
MEASURED = 5000
#: Rows predicted at once.
AT_ONCE = 200_000


def feature_groups(features: pd.DataFrame) -> list[list[str]]:
    """Features in groups whose members say much the same, each in the order of the columns.

    Average linkage on Cramér's V; missing values are a level of their own. A feature with one value stands alone.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    names = [str(name) for name in features]
    if len(names) < 2:
        return [names] if names else []
    step = max(len(features) // MEASURED, 1)
    codes = [_codes(features.iloc[::step, k]) for k in range(len(names))]
    apart = np.zeros((len(names), len(names)))
    for a, first in enumerate(codes):
        for b, second in enumerate(codes[:a]):
            apart[a, b] = apart[b, a] = 1 - _cramer(first, second)
    label = fcluster(linkage(squareform(apart), "average"), 1 - TOGETHER, "distance")
    members: dict[int, list[str]] = {}
    for name, group in zip(names, label, strict=True):
        members.setdefault(int(group), []).append(name)
    return list(members.values())


def _codes(values: pd.Series[Any]) -> Ints:
    """Levels as numbers from 0; numbers in fifths."""
    if pd.api.types.is_numeric_dtype(values.dtype) and values.nunique() > 5:
        array = values.to_numpy(dtype=float, na_value=np.nan)
        cuts = np.unique(np.nanquantile(array, [0.2, 0.4, 0.6, 0.8]))
        codes = np.where(np.isnan(array), -1, np.searchsorted(cuts, array, side="right"))
    else:
        codes = pd.factorize(values.astype(object))[0]
    return np.unique(codes, return_inverse=True)[1]


def _cramer(first: Ints, second: Ints) -> float:
    """Cramér's V of two codings, corrected for chance (Bergsma 2013)."""
    n, r, c = len(first), int(first.max()) + 1, int(second.max()) + 1
    if min(r, c) < 2 or n < 2:
        return 0.0
    table = np.bincount(first * c + second, minlength=r * c).reshape(r, c)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi = ((table - expected) ** 2 / expected).sum() / n - (r - 1) * (c - 1) / (n - 1)
    rows, columns = r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)
    return float(np.sqrt(max(phi, 0.0) / max(min(rows, columns) - 1, 1e-9)).clip(0, 1))


def exchanged(model: Any, features: pd.DataFrame, rows: Ints, donors: Ints, groups: Sequence[Sequence[str]]) -> Floats:
    """Predicted risk of rows if they had a donor's values of one group of features.

    Parameters
    ----------
    model : fitted classifier
    features : DataFrame
    rows, donors : ndarray of int, shape (r,), (d,)
        Positions in the features.
    groups : sequence of sequences of str

    Returns
    -------
    ndarray of float, shape (groups, r, d)
    """
    found = np.empty((len(groups), len(rows), len(donors)))
    # many donors have the same values of a group, and each distinct one is predicted once
    distinct = [_distinct(features.iloc[donors][list(group)]) for group in groups]
    sizes = np.array([len(first) for first, _ in distinct])
    step = max(AT_ONCE // max(int(sizes.sum()), 1), 1)
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        moved = [
            _moved(features, some, donors[first], group) for group, (first, _) in zip(groups, distinct, strict=True)
        ]
        risk = model.predict_proba(pd.concat(moved, ignore_index=True))[:, 1]
        parts = np.split(risk, np.cumsum(len(some) * sizes)[:-1])
        for g, (part, (_, code)) in enumerate(zip(parts, distinct, strict=True)):
            found[g, start : start + step] = part.reshape(len(some), -1)[:, code]
    return found


def _distinct(values: pd.DataFrame) -> tuple[Ints, Ints]:
    """The first row of each combination of values, and the combination that each row has."""
    levels = np.column_stack([pd.factorize(values[name], use_na_sentinel=False)[0] for name in values])
    _, first, code = np.unique(levels, axis=0, return_index=True, return_inverse=True)
    return first, code.reshape(-1)


def _moved(features: pd.DataFrame, rows: Ints, donors: Ints, group: Sequence[str]) -> pd.DataFrame:
    """Every row with every donor's values of a group."""
    given = np.tile(donors, len(rows))
    values = {name: features[name].iloc[given].array for name in group}
    return features.iloc[np.repeat(rows, len(donors))].assign(**values)


def contributions(
    model: Any, features: pd.DataFrame, rows: Ints, groups: Sequence[Sequence[str]], donors: Ints
) -> Floats:
    """How much of each row's risk goes with its own values of a group instead of those of other customers.

    Returns
    -------
    ndarray of float, shape (r, groups)
        Predicted risk minus its mean with the group's values of the donors.
    """
    own = model.predict_proba(features.iloc[rows])[:, 1]
    return np.asarray(own[:, None] - exchanged(model, features, rows, donors, groups).mean(axis=2).T)


#: Customers whose risk is watched, and customers whose values they are given in turn.
WATCHED, DONORS = 100, 40
#: What is called low and high.
ENDS = (0.1, 0.9)


@dataclass(frozen=True, eq=False)
class Drivers(Shown):
    """Features that move the predicted risk. Made by `drivers`.

    Attributes
    ----------
    groups : tuple of tuple of str
        Features that say much the same are moved together; the strongest group first.
    effect : ndarray of float, shape (groups,)
        Mean predicted risk where the group's values push it high (90th percentile of the customers' values) minus where
        they push it low (10th), with `effect_ci_lower` and `effect_ci_upper`: from models fitted without a part of the
        customers at a time.
    risk_low, risk_high : ndarray of float, shape (groups,)
        These two mean risks.
    value_low, value_high : tuple of tuple
        Typical values, one a feature of the group, of the customers whose values push the risk low and high.
    stability : ndarray of float, shape (groups,)
        Share of these models in which the group is among the strongest: half of all groups, five at most.
    conf_level : float
    removed : dict of str to str
        Features that are proven to know the outcome, and how; the model did not have them.
    chosen : str
        The kind of model: "logistic", "boosting", or the class of a classifier.
    """

    groups: tuple[tuple[str, ...], ...]
    effect: Floats
    effect_ci_lower: Floats
    effect_ci_upper: Floats
    risk_low: Floats
    risk_high: Floats
    value_low: tuple[tuple[Any, ...], ...] = field(repr=False)
    value_high: tuple[tuple[Any, ...], ...] = field(repr=False)
    stability: Floats
    conf_level: float
    provenance: Provenance
    removed: dict[str, str]
    chosen: str
    _model: Any = field(repr=False)
    _snapshots: Snapshots = field(repr=False)
    _donors: Ints = field(repr=False)

    @property
    def snapshots(self) -> Snapshots:
        """Of whom the risk was predicted."""
        return self._snapshots

    @property
    def definition(self) -> str:
        """What an effect is."""
        return (
            "Effect: mean predicted risk of the same customers with values of a group of features that push the risk "
            "high (90th percentile) minus with values that push it low (10th), all else as it is. It says what "
            "predicts leaving, not what brings it about: changing a feature need not change what customers do."
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a group of features, the strongest first.

        Returns
        -------
        DataFrame
            feature (the first of the group), with (the others), effect, effect_ci_lower, effect_ci_upper, risk_low,
            risk_high, value_low, value_high (of the first feature), stability.
        """
        return pd.DataFrame(
            {
                "feature": [group[0] for group in self.groups],
                "with": [", ".join(group[1:]) for group in self.groups],
                "effect": self.effect,
                "effect_ci_lower": self.effect_ci_lower,
                "effect_ci_upper": self.effect_ci_upper,
                "risk_low": self.risk_low,
                "risk_high": self.risk_high,
                "value_low": pd.Series([values[0] for values in self.value_low], dtype=object),
                "value_high": pd.Series([values[0] for values in self.value_high], dtype=object),
                "stability": self.stability,
            }
        )

    def of_customer(self, customer: Any) -> pd.DataFrame:
        """What goes with one customer's risk, at the last date the customer is seen.

        Parameters
        ----------
        customer : object
            As in the snapshots.

        Returns
        -------
        DataFrame
            feature, with, value (of the first feature), effect: the customer's predicted risk minus its mean with other
            customers' values of the group. Strongest first, whichever way. Attribute `risk`: the predicted risk.

        Raises
        ------
        ArgumentError
            There is no such customer.
        """
        rows = np.flatnonzero(self._snapshots.customer.astype(str) == str(customer))
        if len(rows) == 0:
            known = listed(self._snapshots.customer[:5], 5)
            raise ArgumentError(f"customer={shown(customer)} is not in the snapshots; customers: {known}, ...")
        row = rows[np.argsort(self._snapshots.as_of[rows], kind="stable")[-1:]]
        features = self._snapshots.features
        effect = contributions(self._model, features, row, self.groups, self._donors)[0]
        frame = pd.DataFrame(
            {
                "feature": [group[0] for group in self.groups],
                "with": [", ".join(group[1:]) for group in self.groups],
                "value": pd.Series([features[group[0]].iloc[row[0]] for group in self.groups], dtype=object),
                "effect": effect,
            }
        )
        frame = frame.iloc[np.argsort(-np.abs(effect), kind="stable")].reset_index(drop=True)
        frame.attrs["risk"] = float(self._model.predict_proba(features.iloc[row])[0, 1])
        return frame


def drivers(
    model: Any,
    snapshots: Snapshots,
    *,
    folds: int = 10,
    conf_level: float = 0.95,
    keep: str | Sequence[str] | None = None,
    rng: int | np.random.Generator = 0,
) -> Drivers:
    """Which features move the predicted risk, and by how much; signs of leaving, not reasons for it.

    Parameters
    ----------
    model : scikit-learn classifier, or {"default", "logistic", "boosting"}
        Fitted anew here, on all snapshots whose outcome is known. What `ChurnClassifier` chooses it chooses once.
    snapshots : Snapshots
    folds : int
        Parts of the customers; a model is fitted without each in turn.
    conf_level : float
        Of intervals.
    keep : str or sequence of str, optional
        As for `backtest`.
    rng : int or numpy.random.Generator
        Chooses whose risk is watched and whose values are tried.

    Returns
    -------
    Drivers

    Raises
    ------
    ArgumentError
        An argument is not usable, or too few customers have left.

    Notes
    -----
    Features with an association (Cramér's V, numbers in fifths) of .5 or more are moved together: apart, each would
    borrow from the other. All customers watched are given the group's values of one customer after the other; the
    mean risks make a distribution, whose 10th and 90th percentiles are compared, so that numbers, categories and groups
    of both have effects of one kind. Intervals: delete-a-group jackknife over customers, Student's t.

    References
    ----------
    Friedman (2001), Annals of Statistics 29, 1189-1232, section 8.2 (partial dependence); Kott (2001), Journal of
    Official Statistics 17, 521-526 (delete-a-group jackknife).

    Examples
    --------
    >>> import kbind as kb
    >>> telco = kb.snapshots(kb.datasets.load_telco())
    >>> found = kb.drivers(kb.ChurnClassifier(), telco, folds=2)
    >>> frame = found.to_frame()
    >>> frame["feature"].tolist()[:3], frame["with"][0]
    (['tenure', 'internet_service', 'contract'], 'total_charges')
    """
    from scipy.stats import t

    from kbind.churn.classifier import chosen_by, model_of, settled

    check_conf_level(conf_level)
    check_kind("snapshots", snapshots, Snapshots, "kb.snapshots(...)")
    check_count("folds", folds, 2, 1000)
    generator = check_rng(rng)
    model = model_of(model)
    snapshots, removed = without_leaks(snapshots, keep)
    known = np.flatnonzero(learnable(snapshots))
    customer = customer_codes(snapshots.customer[known])
    left = snapshots.target[known]
    if len(np.unique(left)) < 2 or customer.max(initial=-1) + 1 < 2 * folds:
        raise NotEnoughData(f"folds={folds} needs customers who left and who stayed, two a part at least")
    groups = feature_groups(snapshots.features.iloc[known])
    rows = generator.choice(known, min(WATCHED, len(known)), replace=False)
    donors = generator.choice(known, min(DONORS, len(known)), replace=False)
    whole = fit_on(model, snapshots, known)
    mean_risk = _mean_risk(whole, snapshots, rows, donors, groups)
    low, high = np.quantile(mean_risk, ENDS, axis=1)
    part = _parts(customer, left == 1, folds, generator)
    again = settled(model, whole)
    without = [fit_on(again, snapshots, known[part != k]) for k in range(folds)]
    risks = [_mean_risk(fitted, snapshots, rows, donors, groups) for fitted in without]
    parts = np.array([np.quantile(risk, ENDS[1], axis=1) - np.quantile(risk, ENDS[0], axis=1) for risk in risks])
    effect = high - low
    error = np.sqrt((folds - 1) / folds * ((parts - parts.mean(axis=0)) ** 2).sum(axis=0))
    reach = t.ppf(0.5 + conf_level / 2, folds - 1) * error
    most = min(5, max(len(groups) // 2, 1))
    stable = (np.argsort(np.argsort(-parts, axis=1, kind="stable"), axis=1) < most).mean(axis=0)
    order = np.argsort(-effect, kind="stable")
    pushed = [_typical(snapshots, donors, mean_risk[g], groups[g]) for g in order]
    return Drivers(
        groups=tuple(tuple(groups[g]) for g in order),
        effect=effect[order],
        effect_ci_lower=(effect - reach).clip(min=0.0)[order],
        effect_ci_upper=(effect + reach).clip(max=1.0)[order],
        risk_low=low[order],
        risk_high=high[order],
        value_low=tuple(low_values for low_values, _ in pushed),
        value_high=tuple(high_values for _, high_values in pushed),
        stability=stable[order],
        conf_level=conf_level,
        provenance=snapshots.provenance,
        removed=removed,
        chosen=chosen_by(whole),
        _model=whole,
        _snapshots=snapshots,
        _donors=donors,
    )


def _parts(customer: Ints, left: Bools, folds: int, rng: np.random.Generator) -> Ints:
    """The part of each row's customer, those who left spread evenly, so that there are some without any part."""
    leaves = np.bincount(customer, left) > 0
    order = rng.permutation(len(leaves))
    order = order[np.argsort(~leaves[order], kind="stable")]
    part = np.empty(len(leaves), dtype=np.int64)
    part[order] = np.arange(len(leaves)) % folds
    return part[customer]


def _mean_risk(model: Any, snapshots: Snapshots, rows: Ints, donors: Ints, groups: Sequence[Sequence[str]]) -> Floats:
    """Mean risk of the customers watched with each donor's values, shape (groups, donors)."""
    return np.asarray(exchanged(model, snapshots.features, rows, donors, groups).mean(axis=1))


def _typical(
    snapshots: Snapshots, donors: Ints, risk: Floats, group: Sequence[str]
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Median or most frequent values of the fifths of donors whose values make the risk lowest and highest."""
    ranked, size = donors[np.argsort(risk, kind="stable")], max(len(donors) // 5, 1)
    low, high = (snapshots.features.iloc[ends] for ends in (ranked[:size], ranked[-size:]))
    return tuple(_middle(low[name]) for name in group), tuple(_middle(high[name]) for name in group)


def _middle(values: pd.Series[Any]) -> Any:
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
        known = values.dropna()
        return float(known.median()) if len(known) else float("nan")
    modes = values.astype(object).mode()
    return modes.iloc[0] if len(modes) else np.nan
