"""Six bonding scores a customer, from what they answer and from what they do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from kbind.bonds.behaviour import Behaviour, read_behaviour
from kbind.bonds.contexts import BONDS, CONTEXTS, PLACES, Context
from kbind.bonds.factors import from_signs, information, item_loadings, sign_loadings
from kbind.bonds.indicators import INDICATORS
from kbind.bonds.items import Answers, read_answers, read_items
from kbind.bonds.response import Response, weigh_response, weighted_mean
from kbind.bonds.validity import Validity, validity_of
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.groups import encode_groups, group_value, objects, place_columns
from kbind.dataset.provenance import Provenance
from kbind.engine.query import Query
from kbind.errors import NotEnoughData, check_choice, check_conf_level, check_count, check_name, check_rng
from kbind.estimate.estimate import Estimate
from kbind.result import Shown
from kbind.typing import Floats, Objects

#: Standard deviations between which a customer's strongest bond is looked for, and steps.
_GRID = np.linspace(-6, 6, 121)


@dataclass(frozen=True, eq=False)
class BondingScores(Shown):
    """Six scores for each customer. Made by `bonding_scores`.

    Attributes
    ----------
    frame : DataFrame
        One row a customer and bond: customer_id, bond, score, ci_lower, ci_upper, source ("items", "behaviour", "both",
        or "none": the score is unknown). Scores have mean 0 and variance 1 over all customers as far as they are known
        exactly; what is known less well lies nearer to 0, with a wider interval.
    company : DataFrame
        One row a bond: bond, place (from -1, extrinsic, to 1, intrinsic), mean, ci_lower, ci_upper (points of the
        items' scale, weighted for non-response; NaN without items), n (respondents), plausible, wanted (as said of the
        context).
    position : Estimate
        Where on the scale from -1 (extrinsic) to 1 (intrinsic) the customers stand; NaN without items.
    context : Context
        What is expected of bonds between companies or with consumers.
    indicators : DataFrame
        One row a sign in behaviour: bond, indicator, needs, meaning, sign, n (customers with a value), loading (NaN
        where not used), loading_from ("respondents", "equal"), missing (why it is not used; else empty).
    items : DataFrame
        One row an item: bond, instrument, n, mean, loading, loading_from ("answers", "assumed").
    n_customers, n_respondents : int
        At that date.
    """

    frame: pd.DataFrame = field(repr=False)
    company: pd.DataFrame = field(repr=False)
    position: Estimate
    context: Context
    indicators: pd.DataFrame = field(repr=False)
    items: pd.DataFrame = field(repr=False)
    n_customers: int
    n_respondents: int
    conf_level: float
    answers: Answers = field(repr=False)
    response: Response = field(repr=False)
    customer: Objects = field(repr=False)
    places: Floats = field(repr=False)
    data: Dataset = field(repr=False)
    provenance: Provenance

    @property
    def definition(self) -> str:
        """Who is scored, from what, on which scale, and how non-response is dealt with."""
        who = self.provenance.customer
        low, high = self.answers.scale
        scale = f" (from {low:g} to {high:g})" if self.n_respondents else ""
        weights = "Means are not weighted: too few answered, or too few did not."
        if self.response.weighted:
            weights = (
                "Company means weigh respondents by the inverse chance of answering (logistic in the signs, tenure and "
                f"how often the {who} answers other questions), cut at 5 times the mean ({self.response.trimmed} cut); "
                "what makes people answer and is recorded nowhere still shows, such as liking the company."
            )
        return (
            f"Six bonding scores of the {self.n_customers:,} {who}s at that date, {self.n_respondents:,} of whom "
            f"answered items{scale}. Mean 0 and standard deviation 1 over {who}s; items and signs in behaviour are "
            f"combined by precision: a score that rests on little lies near 0. {self.context.unit} {weights} "
            f"{self.provenance}"
        )

    def headline(self) -> str:
        """Where the customers stand."""
        return f"position {self.position}"

    def to_frame(self) -> pd.DataFrame:
        """One row a customer and bond, as `frame`."""
        return self.frame.copy()

    def positions(self, by: str) -> pd.DataFrame:
        """Position on the scale by a column of `customers`.

        Parameters
        ----------
        by : str
            The column.

        Returns
        -------
        DataFrame
            One row a value: the column, value, ci_lower, ci_upper, n.

        Raises
        ------
        ArgumentError
            There is no such column.
        """
        check_name("by", by, "a column")
        self.data.require("customers")
        place_columns(self.data, "customers", [by])
        query = Query(self.data.engine).part(value=group_value(self.data, "customers", by))
        found = query.select("SELECT customer_id, _value AS g0 FROM customers")
        groups, code = encode_groups(found, ["g0"])
        own = dict(zip(objects(found.column("customer_id")), code, strict=True))
        mine = np.array([own.get(customer, -1) for customer in self.customer], dtype=np.int64)
        rows = []
        for g, (value,) in enumerate(groups):
            mean = weighted_mean(np.where(mine == g, self.places, np.nan), self.response.weight, self.conf_level)
            limits = {"value": mean.value, "ci_lower": mean.ci_lower, "ci_upper": mean.ci_upper, "n": mean.n}
            rows.append({by if by not in limits else f"by_{by}": value} | limits)
        return pd.DataFrame(rows)

    def validity(self, *, resamples: int = 200, rng: int | np.random.Generator = 0) -> Validity:
        """Whether the six bonds can be told apart, and whether a dominant type may be told.

        Parameters
        ----------
        resamples : int
            Bootstrap samples for the intervals.
        rng : int or numpy.random.Generator
            Source of randomness.

        Returns
        -------
        Validity

        References
        ----------
        Henseler, Ringle and Sarstedt (2015), JAMS 43, 115-135 (HTMT); McDonald (1999), Test theory (omega).
        """
        count = check_count("resamples", resamples, 20, 10_000)
        return validity_of(self.answers, count, check_rng(rng), self.conf_level, self.provenance)

    def dominant(self) -> pd.DataFrame:
        """The strongest bond of each customer who answered, with the chance that it is the strongest.

        Returns
        -------
        DataFrame
            customer_id, bond, probability.

        Raises
        ------
        NotEnoughData
            The answers do not allow to tell types: see `validity`.
        """
        found = self.validity(resamples=20)
        if not found.passed:
            raise NotEnoughData(f"no dominant bond is told: {'; '.join(found.reasons)}")
        wide = self.frame.pivot(index="customer_id", columns="bond", values=["score", "ci_lower", "ci_upper"])
        wide = wide.reindex(self.customer[self.response.answered])
        score = wide["score"][list(BONDS)].to_numpy()
        half = NormalDist().inv_cdf(0.5 + self.conf_level / 2)
        error = (wide["ci_upper"] - wide["ci_lower"])[list(BONDS)].to_numpy() / (2 * half)
        chance = chances_to_lead(score, error)
        best = chance.argmax(axis=1)
        return pd.DataFrame(
            {
                "customer_id": wide.index.to_numpy(),
                "bond": np.array(BONDS)[best],
                "probability": chance[np.arange(len(best)), best],
            }
        )


def bonding_scores(
    data: Dataset,
    *,
    context: str = "b2b",
    items: Mapping[str, Any] | str | Path | None = None,
    at: object = None,
    conf_level: float = 0.95,
) -> BondingScores:
    """Score how strongly each customer is bound, and by what: forced, lethargic, economic, habitual, value, affective.

    Parameters
    ----------
    data : Dataset
        With `subscriptions` or `events`; who is under contract at the date is scored, without contracts whoever has not
        been silent for too long. Answers to items stand in `feedback`.
    context : {"b2b", "b2c"}
        Which bonds are said to be frequent and wanted; changes no score.
    items : mapping, str or Path, optional
        Bond -> instruments of `feedback`, or a YAML file such as `data/items/bonding_items.yaml`, whose items may be
        reversed. Default: instruments called bond_<bond>_<number>.
    at : date, datetime or ISO text, optional
        Date of the scores: nothing later is used. Default: the end of the data.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    BondingScores
        `.frame`, `.company`, `.position`, `.validity()`, `.dominant()`.

    Raises
    ------
    ArgumentError
        No such context or instrument, or an answer outside the scale.
    NotEnoughData
        Nothing says who is a customer.

    Notes
    -----
    Each bond is one factor with mean 0 and variance 1 over customers. From the items: Thomson's factor score. From
    behaviour: the best linear prediction by the signs of that bond, rank-normal, whose loadings are estimated from
    customers who also answered (100 or more), else equal and assumed: then the interval knows nothing of whether the
    signs mean what they are taken to mean. The two are combined by precision. Answers within 180 days of a customer's
    last one are averaged.

    The position of a customer is the mean of the six places from -1 (forced) to 1 (affective) in equal steps, each
    weighted by how far its items are agreed to: from 0, not at all, to 1, fully.

    References
    ----------
    Thomson (1951), The factorial analysis of human ability; Horvitz and Thompson (1952), JASA 47, 663-685.

    Examples
    --------
    >>> import kbind as kb
    >>> scores = kb.bonding_scores(kb.datasets.load_saas())
    >>> scores.frame["source"].value_counts().to_dict()
    {'behaviour': 15852, 'both': 5226}
    >>> scores.validity(resamples=50).passed
    True
    """
    check_dataset(data)
    kind = CONTEXTS[check_choice("context", context, tuple(CONTEXTS))]
    level = check_conf_level(conf_level)
    seen = data if at is None else data.assuming(as_of=at)
    seen.require("subscriptions", "events")
    asked = read_items(seen, items)
    behaviour = read_behaviour(seen, tuple(item.instrument for item in asked.items))
    answers = read_answers(seen, asked, behaviour.customer)
    response = weigh_response(behaviour, np.asarray((~np.isnan(answers.scores)).any(axis=1)))
    z, item_rows = _standardised(answers, response.weight)
    parts, sign_rows = [], []
    for bond in BONDS:
        frame, rows = _scored(bond, z[:, answers.of(bond)], behaviour, response.weight, level)
        parts.append(frame)
        sign_rows += rows
    agreed = _agreed(answers)
    places = agreed @ np.array(list(PLACES.values())) / np.where(agreed.sum(axis=1) > 0, agreed.sum(axis=1), np.nan)
    frame = pd.concat(parts, ignore_index=True)
    order = np.argsort(np.tile(np.arange(len(behaviour.customer)), len(BONDS)), kind="stable")
    return BondingScores(
        frame=frame.iloc[order].reset_index(drop=True),
        company=_company(answers, agreed, response, kind, level),
        position=weighted_mean(places, response.weight, level, _POSITION),
        context=kind,
        indicators=pd.DataFrame(sign_rows),
        items=pd.DataFrame(item_rows, columns=["bond", "instrument", "n", "mean", "loading", "loading_from"]),
        n_customers=len(behaviour.customer),
        n_respondents=int(response.answered.sum()),
        conf_level=level,
        answers=answers,
        response=response,
        customer=behaviour.customer,
        places=places,
        data=seen,
        provenance=Provenance.of(seen, seen.as_of),
    )


_POSITION = (
    "Mean over customers, weighted for non-response, of the places of the six bonds from -1 (forced) to 1 (affective), "
    "each weighted by how far its items are agreed to; customers who answered about all six bonds"
)


def chances_to_lead(score: Floats, error: Floats) -> Floats:
    """Chance of each score of a row to be the largest, if they are normal and independent, shape as the scores.

    >>> chances_to_lead(np.array([[0.0, 0.0], [1.0, 0.0]]), np.ones((2, 2))).round(2)
    array([[0.5 , 0.5 ],
           [0.76, 0.24]])
    """
    from scipy.special import ndtr

    points = score[:, :, None] + error[:, :, None] * _GRID
    density = np.exp(-(_GRID**2) / 2)
    found = np.empty_like(score)
    for k in range(score.shape[1]):
        below = np.ones(points[:, k].shape)
        for other in range(score.shape[1]):
            if other != k:
                gap = points[:, k] - score[:, other, None]
                below = below * ndtr(gap / np.maximum(error[:, other, None], 1e-9))
        found[:, k] = (below * density).sum(axis=1) / density.sum()
    return found


def _standardised(answers: Answers, weight: Floats) -> tuple[Floats, list[dict[str, Any]]]:
    """Answers with mean 0 and variance 1 over all customers, as far as weights tell; and a row an item."""
    z, rows = np.full(answers.scores.shape, np.nan), []
    for k, item in enumerate(answers.items):
        x, known = answers.scores[:, k], ~np.isnan(answers.scores[:, k])
        mean = np.average(x[known], weights=weight[known])
        spread = np.sqrt(np.average((x[known] - mean) ** 2, weights=weight[known]))
        z[:, k] = (x - mean) / spread
        rows.append({"bond": item.bond, "instrument": item.instrument, "n": int(known.sum()), "mean": float(mean)})
    for bond in BONDS:
        own = answers.of(bond)
        loadings, estimated = item_loadings(z[:, own])
        for k, loading in zip(own, loadings, strict=True):
            rows[k] |= {"loading": float(loading), "loading_from": "answers" if estimated else "assumed"}
    return z, rows


def _scored(
    bond: str, z: Floats, behaviour: Behaviour, weight: Floats, conf_level: float
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Scores of one bond with their limits and source, and a row a sign."""
    x, known = behaviour.of(bond), (~np.isnan(z)).any(axis=1)
    told, precision = information(z, item_loadings(z)[0])
    loadings, estimated = sign_loadings(x, told / (1 + precision), precision / (1 + precision), weight * known)
    mean, variance = from_signs(x, loadings, equal=not estimated)
    precise = 1 / variance + precision
    score, error = (mean / variance + told) / precise, np.sqrt(1 / precise)
    done = (~np.isnan(x)).any(axis=1)
    source = np.select([known & done, known, done], ["both", "items", "behaviour"], "none")
    half = NormalDist().inv_cdf(0.5 + conf_level / 2) * error
    limits = {"score": score, "ci_lower": score - half, "ci_upper": score + half}
    columns = {name: np.where(source == "none", np.nan, value) for name, value in limits.items()}
    frame = pd.DataFrame({"customer_id": behaviour.customer, "bond": bond, **columns, "source": source})
    used = iter(loadings)
    rows = []
    for sign in (each for each in INDICATORS if each.bond == bond):
        own = behaviour.signs.get(sign)
        rows.append(
            {
                "bond": bond,
                "indicator": sign.name,
                "needs": ", ".join(sign.needs),
                "meaning": sign.meaning,
                "sign": sign.sign,
                "n": 0 if own is None else int((~np.isnan(own)).sum()),
                "loading": np.nan if own is None else float(next(used)),
                "loading_from": "" if own is None else "respondents" if estimated else "equal",
                "missing": behaviour.missing.get(sign, ""),
            }
        )
    return frame, rows


def _agreed(answers: Answers) -> Floats:
    """How far each customer agrees to the items of each bond, from 0 to 1, shape (customers, bonds); NaN if unknown."""
    result = np.full((len(answers.scores), len(BONDS)), np.nan)
    low, high = answers.scale
    for b, bond in enumerate(BONDS):
        x = answers.scores[:, answers.of(bond)]
        known = ~np.isnan(x)
        some = known.any(axis=1)
        result[some, b] = (np.nansum(x[some], axis=1) / known[some].sum(axis=1) - low) / (high - low)
    return result


def _company(answers: Answers, agreed: Floats, response: Response, context: Context, level: float) -> pd.DataFrame:
    low, high = answers.scale
    rows = []
    for b, bond in enumerate(BONDS):
        mean = weighted_mean(low + (high - low) * agreed[:, b], response.weight, level)
        rows.append(
            {
                "bond": bond,
                "place": PLACES[bond],
                "mean": mean.value,
                "ci_lower": mean.ci_lower,
                "ci_upper": mean.ci_upper,
                "n": mean.n,
                "plausible": bond in context.plausible,
                "wanted": bond in context.wanted,
            }
        )
    return pd.DataFrame(rows)
