"""How well models would have told who leaves: trained on the past, judged on what came after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from kbind.churn.evaluation import Calls, Figure, by_risk, calls_of, judge_lists, judge_probabilities
from kbind.churn.folds import Fold, Validation, fit_on, make_folds
from kbind.churn.leakage import without_leaks
from kbind.churn.profit import Campaign, Decision, Rows, contactable, decision_of
from kbind.churn.snapshots.picking import customer_codes
from kbind.churn.snapshots.snapshot_table import Snapshots
from kbind.dataset.provenance import Provenance
from kbind.errors import (
    MOST,
    ArgumentError,
    NotEnoughData,
    check_choice,
    check_conf_level,
    check_count,
    check_kind,
    check_numbers,
    check_rng,
    listed,
    told,
)
from kbind.result import Shown
from kbind.typing import Floats, Ints

#: Name of the model that gives everybody the same probability; always there.
BASELINE = "base_rate"
_TEN_PARTS = Validation()

_SCHEMES = {
    "forward": "tested at {dates} observation date(s), each time with models trained on snapshots whose outcome was "
    "complete by then",
    "grouped": "cross-validated in {folds} parts, {repeats} time(s), customers kept whole",
    "random": "rows split at random in {folds} parts, {repeats} time(s): overstates what a model can do, since other "
    "rows of the same customers and of later dates were learned from",
}


@dataclass(frozen=True, eq=False)
class Backtest(Shown):
    """How well models would have told who leaves. Made by `backtest`.

    Attributes
    ----------
    models : tuple of str
        "base_rate", which gives everybody the share of leavers among those learned from, is the last.
    scheme : {"forward", "grouped", "random"}
    figures : tuple of Figure
        One a metric.
    n_lost : int
        Customers of tested dates who were gone before the horizon began.
    conf_level : float
    removed : dict of str to str
        Features that are proven to know the outcome, and how; no model had them.
    chosen : dict of str to tuple of str
        Of models that choose for themselves, what each took in each part: "logistic" or "boosting".
    """

    models: tuple[str, ...]
    scheme: str
    figures: tuple[Figure, ...] = field(repr=False)
    n_lost: int
    conf_level: float
    provenance: Provenance
    removed: dict[str, str]
    chosen: dict[str, tuple[str, ...]]
    _snapshots: Snapshots = field(repr=False)
    _rows: Rows = field(repr=False)
    _fold: Ints = field(repr=False)
    _decision: Decision | None = field(repr=False)

    @property
    def definition(self) -> str:
        """How models were tested."""
        parts = self._fold.max() + 1
        counts = {"dates": parts, "folds": parts, "repeats": self._rows.repeats}
        text = f"Models {_SCHEMES[self.scheme].format(**counts)}. {self._snapshots.definition}"
        lost = (
            f" {self.n_lost:,} rows were gone before the horizon began; they count as lost calls in lifts and profit."
        )
        left_out = f" Left out, as they know the outcome: {listed(self.removed)}."
        return text + (lost if self.n_lost else "") + (left_out if self.removed else "")

    def to_frame(self) -> pd.DataFrame:
        """One row a model and metric.

        Returns
        -------
        DataFrame
            model, metric, value, ci_lower, ci_upper, n (rows), events (leavers among them).
        """
        rows = [
            (model, f.metric, f.value[k], *f.interval[k], f.n, f.events)
            for k, model in enumerate(self.models)
            for f in self.figures
        ]
        return pd.DataFrame(rows, columns=["model", "metric", "value", "ci_lower", "ci_upper", "n", "events"])

    def differences(self) -> pd.DataFrame:
        """Differences of two models on the same customers, each pair once.

        Returns
        -------
        DataFrame
            model, against, metric, difference (first minus second), ci_lower, ci_upper. For the AUC DeLong's paired
            interval; none for the calibration error, which chance alone moves away from 0.
        """
        rows = [
            (self.models[a], self.models[b], f.metric, *f.difference[a, b])
            for a, b in combinations(range(len(self.models)), 2)
            for f in self.figures
            if f.metric != "ece"
        ]
        return pd.DataFrame(rows, columns=["model", "against", "metric", "difference", "ci_lower", "ci_upper"])

    def by_tenure(self, edges: Sequence[float] | None = None) -> pd.DataFrame:
        """Scores of probabilities among customers of like tenure, where it is harder to tell who leaves.

        Parameters
        ----------
        edges : sequence of float, optional
            Where bands begin, in the unit of the feature; None: quarters of the tested rows.

        Returns
        -------
        DataFrame
            model, tenure_from, tenure_to (not included; NaN: open), metric, value, ci_lower, ci_upper, n, events.

        Raises
        ------
        ArgumentError
            No feature is a tenure, or edges do not rise.
        """
        tenure = self._tenure()
        inner = (
            np.quantile(tenure[~np.isnan(tenure)], [0.25, 0.5, 0.75])
            if edges is None
            else np.array(check_numbers("edges", edges, -MOST))
        )
        inner = np.unique(inner) if edges is None else inner
        if inner.ndim != 1 or (np.diff(inner) <= 0).any():
            raise ArgumentError(f"edges={edges!r} do not rise; allowed: numbers in ascending order")
        band, rows = np.searchsorted(inner, tenure, side="right"), []
        limits = np.concatenate(([np.nan], inner, [np.nan]))
        for k in range(len(inner) + 1):
            picked = self._rows.pick((band == k) & ~np.isnan(tenure))
            if (~picked.lost).any():
                found = judge_probabilities(picked, None, self.conf_level)
                rows += [
                    (m, k, model, limits[k], limits[k + 1], f.metric, f.value[m], *f.interval[m], f.n, f.events)
                    for m, model in enumerate(self.models)
                    for f in found
                ]
        columns = ["model", "tenure_from", "tenure_to", "metric", "value", "ci_lower", "ci_upper", "n", "events"]
        rows.sort(key=lambda row: row[:2])
        return pd.DataFrame([row[2:] for row in rows], columns=columns)

    def calls(self, model: str | None = None) -> Calls:
        """Lists as they would have been made at the tested dates, and what became of those on them.

        Parameters
        ----------
        model : str, optional
            None: the first one.

        Returns
        -------
        Calls
            Of a repeated cross-validation, its first time.

        Raises
        ------
        ArgumentError
            The backtest was made without the terms of an offer, or the model is not in it.
        """
        if self._decision is None:
            raise ArgumentError("calls need budget, cost, offer and acceptance; give backtest a campaign")
        rows, risk = self._first_time(model)
        dates = self._snapshots.as_of[rows.row]
        return calls_of(model or self.models[0], rows, risk, self._decision, dates, self.provenance, self.conf_level)

    def by_risk(self, model: str | None = None, *, groups: int = 10) -> pd.DataFrame:
        """What was predicted and what happened, in groups of equal size by predicted risk within each date.

        Parameters
        ----------
        model : str, optional
            None: the first one.
        groups : int

        Returns
        -------
        DataFrame
            group (1: lowest risk), n, left, predicted (mean), share (who left), share_ci_lower, share_ci_upper. Without
            those gone in the lead; of a repeated cross-validation, its first time.
        """
        check_count("groups", groups, 2, 1000)
        rows, risk = self._first_time(model)
        known = ~rows.lost
        return by_risk(rows.pick(known), risk[known], groups, self.conf_level)

    def _first_time(self, model: str | None) -> tuple[Rows, Floats]:
        """Tested rows of the first repeat, and what a model predicted for them."""
        name = check_choice("model", self.models[0] if model is None else model, self.models)
        rows = self._rows.pick(self._rows.repeat == 0)
        return rows, rows.probability[:, self.models.index(name)]

    def _tenure(self) -> Floats:
        names = [feature.name for feature in self._snapshots.meanings if feature.measure == "tenure"]
        if not names:
            raise NotEnoughData("by_tenure needs a feature whose measure is 'tenure'; the snapshots have none")
        return self._snapshots.features[names[0]].to_numpy(dtype=float, na_value=np.nan)[self._rows.row]

    @property
    def predictions(self) -> pd.DataFrame:
        """Every prediction of customers who had not been learned from.

        Returns
        -------
        DataFrame
            customer_id, as_of, model, repeat, fold, probability, target (NaN where gone in the lead), lost_in_lead.
        """
        row = self._rows.row
        lost = self._rows.lost
        base = pd.DataFrame(
            {
                "customer_id": self._snapshots.customer[row],
                "as_of": self._snapshots.as_of[row],
                "repeat": self._rows.repeat,
                "fold": self._fold,
                "target": np.where(lost, np.nan, self._rows.left),
                "lost_in_lead": lost,
            }
        )
        frames = [
            base.assign(model=model, probability=self._rows.probability[:, k]) for k, model in enumerate(self.models)
        ]
        order = ["customer_id", "as_of", "model", "repeat", "fold", "probability", "target", "lost_in_lead"]
        return pd.concat(frames, ignore_index=True)[order]


def backtest(
    snapshots: Snapshots,
    models: Mapping[str, Any] | Sequence[str] | None = None,
    *,
    campaign: Campaign | None = None,
    validation: Validation = _TEN_PARTS,
    conf_level: float = 0.95,
    keep: str | Sequence[str] | None = None,
    rng: int | np.random.Generator = 0,
) -> Backtest:
    """Train models on what was known at a time, and judge them on what came after.

    Parameters
    ----------
    snapshots : Snapshots
    models : mapping of str to scikit-learn classifier, or sequence of str, optional
        Names "default", "logistic" and "boosting" stand for `ChurnClassifier`; None takes all three. Other classifiers
        get the frame of features as it is; `ChurnClassifier(classifier)` prepares it for them. "base_rate" is always
        added.
    campaign : Campaign, optional
        Money of the decision that the list is for. Without it there are no figures in money.
    validation : Validation
        On which dates or parts models are tested.
    conf_level : float
        Of intervals.
    keep : str or sequence of str, optional
        Features that models get though they are proven to know the outcome, see `leakage_report`. Others of the kind
        are removed; the result's `removed` says which and why.
    rng : int or numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Backtest

    Raises
    ------
    ArgumentError
        An argument is not usable, or too few customers have left.

    Notes
    -----
    Metrics: auc (pairs of the same date), log_loss, brier, calibration_slope (1 is right), calibration_intercept
    (with the slope at 1; 0 is right), ece (ten groups of equal size), lift_5, lift_10, lift_20 (within each date), and
    with a campaign empc (money a customer, at the best possible number of contacts) and profit (money a
    date, within the budget; nobody is called at an expected loss or without consent).

    Customers gone in the lead are not learned from. When tested they stand in the list, since on the day nobody could
    know: a call to them finds no leaver and costs the contact. Scores of probabilities are about customers who are
    there when the horizon begins, so these rows are left out there.

    Intervals take a customer's rows together and are about other customers of the same kind at the tested dates: AUC as
    DeLong (Obuchowski with several rows a customer), scores and calibration by their influence functions, lists
    by resampling customers. That another training sample would give another model is not in them.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44, 837-845; Obuchowski (1997), Biometrics 53, 567-578; Van
    Calster et al. (2019), BMC Medicine 17, 230; Verbraken, Verbeke and Baesens (2013), IEEE TKDE 25, 961-973.

    Examples
    --------
    >>> import kbind as kb
    >>> telco = kb.snapshots(kb.datasets.load_telco())
    >>> found = kb.backtest(telco, ["logistic"], validation=kb.Validation(folds=3, repeats=1, resamples=100))
    >>> table = found.to_frame().pivot(index="metric", columns="model", values="value")
    >>> table.loc[["auc", "brier"], ["logistic", "base_rate"]].round(2).values.tolist()
    [[0.85, 0.5], [0.13, 0.19]]
    """
    check_conf_level(conf_level)
    check_kind("snapshots", snapshots, Snapshots, "kb.snapshots(...)")
    check_kind("validation", validation, Validation, "kb.Validation(...)")
    generator = check_rng(rng)
    decision = decision_of(snapshots, campaign) if campaign is not None else None
    asked = _models(models)
    seen, removed = without_leaks(snapshots, keep)
    tested, parts = make_folds(snapshots, validation, int(generator.integers(2**31)))
    predicted = {name: [_of_fold(model, seen, fold) for fold in parts] for name, model in asked.items()}
    probability = np.column_stack([np.concatenate([risk for risk, _ in found]) for found in predicted.values()])
    if tested != "forward":
        # the parts differ in their base rate by chance only, and against their leavers: the more of these are tested,
        # the fewer were learned from
        probability[:, -1] = probability[:, -1].mean()
    rows, fold = _tested(snapshots, parts, probability)
    figures = judge_probabilities(rows, decision, conf_level)
    figures += judge_lists(rows, decision, conf_level, validation.resamples, generator)
    return Backtest(
        models=tuple(asked),
        scheme=tested,
        figures=tuple(figures),
        n_lost=int(rows.lost.sum()) // rows.repeats,
        conf_level=conf_level,
        provenance=snapshots.provenance,
        removed=removed,
        chosen={
            name: tuple(kind for _, kind in predicted[name])
            for name, model in asked.items()
            if isinstance(getattr(model, "model", None), str)
        },
        _snapshots=snapshots,
        _rows=rows,
        _fold=fold,
        _decision=decision,
    )


def _models(models: Mapping[str, Any] | Sequence[str] | None) -> dict[str, Any]:
    """Classifiers by name, the baseline last."""
    from kbind.churn.classifier import NAMES, RateTable, model_of

    listed = isinstance(models, Sequence) and all(isinstance(name, str) for name in models)
    usable = models is None or (
        (isinstance(models, Mapping) or (listed and not isinstance(models, str))) and len(models)
    )
    if not usable:
        raise ArgumentError(
            f"models={told(models)} is not usable; allowed: names such as ['logistic'], or name: classifier"
        )
    named = models if isinstance(models, Mapping) else {name: name for name in models or NAMES}
    result = {str(name): model_of(model, f"models[{name!r}]") for name, model in named.items()}
    return {name: model for name, model in result.items() if name != BASELINE} | {BASELINE: RateTable()}


def _of_fold(model: Any, snapshots: Snapshots, fold: Fold) -> tuple[Floats, str]:
    """Probabilities of the tested rows of a fold, and the kind of model they come from."""
    from kbind.churn.classifier import chosen_by

    fitted = fit_on(model, snapshots, fold.train)
    risk = fitted.predict_proba(snapshots.features.iloc[fold.test])[:, 1]
    return np.asarray(risk, dtype=float), chosen_by(fitted)


def _tested(snapshots: Snapshots, parts: Sequence[Fold], probability: Floats) -> tuple[Rows, Ints]:
    """What became of the tested rows, and the fold of each."""
    row = np.concatenate([fold.test for fold in parts])
    sizes = [len(fold.test) for fold in parts]
    repeat = np.repeat([fold.repeat for fold in parts], sizes)
    lost = snapshots.lost_in_lead[row]
    left, consent = np.where(lost, 0.0, snapshots.target[row]), contactable(snapshots)[row]
    customer = customer_codes(snapshots.customer[row])
    _, date = np.unique(snapshots.as_of[row], return_inverse=True)
    rows = Rows(row, left, lost, consent, customer, date, repeat, probability)
    return rows, np.repeat([fold.number for fold in parts], sizes)
