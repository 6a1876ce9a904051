"""Whom to treat next: by what treating adds to the chance of staying, compared with treating those most at risk."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from kbind.dataset.dataset import Dataset, check_dataset
from kbind.errors import (
    NotEnoughData,
    check_choice,
    check_count,
    check_kind,
    check_number,
    check_rng,
)
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import normal
from kbind.experiments.campaign import Assigned, everybody
from kbind.experiments.effect import Effect
from kbind.experiments.learners import LEARNERS, Learned, censoring_weights, columns_for, learn
from kbind.result import Shown
from kbind.typing import Bools, Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

#: Customers who left, and who stayed, that each arm has to hold.
EACH = 30
#: Share of the customers that are only learnt from.
_FIRST = 1 / 3
#: Shares of the customers at which the curve is told.
SHARES = tuple(k / 20 for k in range(1, 21))


@dataclass(frozen=True, eq=False)
class Uplift(Shown):
    """Whom to treat next. Made by `uplift`.

    Attributes
    ----------
    campaign : str
    horizon : int
        Days.
    share : float
        Of the customers who can be treated.
    gain, gain_by_risk : Estimate
        Customers kept for each treated one if the share with the largest uplift, or with the highest risk, is treated.
    better : Estimate
        The first less the second.
    everybody : Estimate
        Customers kept for each treated one if all are.
    qini, qini_by_risk : Estimate
        Area between the curve of customers kept and that of treating at random, a customer: above 0 where the order
        tells who is helped.
    curve : DataFrame
        share, by_uplift, by_risk (customers kept, a customer), each with _ci_lower and _ci_upper, and at_random.
    scores : DataFrame
        customer_id, uplift, risk of the customers who were judged, by models that had not seen them.
    learner : {"x", "t"}
    """

    campaign: str
    horizon: int
    share: float
    gain: Estimate
    gain_by_risk: Estimate
    better: Estimate
    everybody: Estimate
    qini: Estimate
    qini_by_risk: Estimate
    curve: pd.DataFrame = field(repr=False)
    scores: pd.DataFrame = field(repr=False)
    learner: str
    folds: int
    conf_level: float
    learned: Learned = field(repr=False)
    assigned: Assigned = field(repr=False)

    @property
    def tells_apart(self) -> bool:
        """Whether the uplift is shown to tell who is helped more."""
        return bool(self.qini.ci_lower > 0)

    @property
    def provenance(self) -> object:
        """Where the numbers come from."""
        return self.assigned.provenance

    @property
    def definition(self) -> str:
        """How customers were ordered, and how what that brings was estimated."""
        return (
            f"{LEARNERS[self.learner]}; learnt from a third of the customers, then judged on {self.folds} parts, each "
            f"ordered by models of those before it. Customers kept: doubly robust, censoring before {self.horizon} "
            f"days allowed for by its inverse probability; {self.conf_level:.0%} intervals for the order as it is. "
            f"{self.assigned.definition}"
        )

    def headline(self) -> str:
        """What the uplift gains over the risk."""
        return f"{self.campaign}: {self.gain} kept a treated customer, by risk {self.gain_by_risk.value:.4g}"

    def to_frame(self) -> pd.DataFrame:
        """One row an order: by uplift, by risk, and everybody.

        Returns
        -------
        DataFrame
            order, share, kept (customers for each treated one) and qini, each with _ci_lower and _ci_upper.
        """
        import pandas as pd

        none = Estimate(0.0, 0.0, 0.0)
        rows = []
        for name, share, kept, area in (
            ("uplift", self.share, self.gain, self.qini),
            ("risk", self.share, self.gain_by_risk, self.qini_by_risk),
            ("everybody", 1.0, self.everybody, none),
        ):
            row: dict[str, object] = {"order": name, "share": share}
            for figure, one in (("kept", kept), ("qini", area)):
                row |= {f"{figure}{end}": v for end, v in zip(("", "_ci_lower", "_ci_upper"), one, strict=True)}
            rows.append(row)
        return pd.DataFrame(rows)

    def score(self, data: Dataset) -> pd.DataFrame:
        """Everybody who is a customer at the end of the data, those whom treating helps most first.

        Parameters
        ----------
        data : Dataset
            With the columns that the campaign's data had.

        Returns
        -------
        DataFrame
            customer_id, uplift (added to the chance of staying), risk (of leaving if left alone).
        """
        check_dataset(data)
        return ranked(self.learned, everybody(data, self.horizon, today=True))


def ranked(learned: Learned, customers: Assigned) -> pd.DataFrame:
    """Customers with their uplift and risk, those whom treating helps most first."""
    import pandas as pd

    gain, risk = learned.predict(customers)
    order = np.argsort(-gain, kind="stable")
    return pd.DataFrame({"customer_id": customers.customer_id[order], "uplift": gain[order], "risk": risk[order]})


def uplift(effect: Effect, *, share: float = 0.2, learner: str = "x", folds: int = 5, rng: object = 0) -> Uplift:
    """Whom to treat next, learnt from a randomised campaign, and what that brings against treating those at risk.

    Parameters
    ----------
    effect : Effect
        Of `measure_effect`, of a campaign whose customers chance chose. Staying over its horizon counts.
    share : float
        Of the customers who can be treated next.
    learner : {"x", "t"}
        X-learner on linear models, or T-learner on boosted trees.
    folds : int
        Parts in which customers are judged.
    rng : int or Generator
        Deals customers out to the parts.

    Returns
    -------
    Uplift
        `.gain`, `.gain_by_risk`, `.better`, `.qini`, `.curve`, `.score(data)`.

    Raises
    ------
    ArgumentError
        No effect, no such learner, parts or share.
    NotEnoughData
        Chance did not choose, or fewer than 30 customers an arm left or stayed.

    Notes
    -----
    Who is most at risk need not be who is helped most. Both orders are held against customers that the models had not
    seen: a third is learnt from, the rest is judged part by part, each by models of all parts before it. Had each part
    been judged by models of all the others, the parts would agree by chance more often than their errors say: an order
    was then "shown" in 8 % of the cases where there was none. What is told is what the orders bring; whether the uplift
    tells customers apart at all says `.tells_apart`.

    References
    ----------
    Ascarza (2018), Journal of Marketing Research 55, 80-98. Wager (2024), Sequential validation of treatment
    heterogeneity, arXiv:2405.05534. Yadlowsky, Fleming, Shah, Brunskill and Wager (2025),
    Journal of the American Statistical Association 120, 38-51.

    Examples
    --------
    >>> import kbind as kb
    >>> found = kb.uplift(kb.measure_effect(kb.datasets.load_saas(), "loyalty_offer"))
    >>> list(found.to_frame()["order"])
    ['uplift', 'risk', 'everybody']
    """
    check_kind("effect", effect, Effect, "kb.measure_effect(...)")
    check_choice("learner", learner, tuple(LEARNERS))
    share = check_number("share", share, above=0, most=1)
    folds, generator = check_count("folds", folds, 2, 20), check_rng(rng)
    if not effect.randomised:
        raise NotEnoughData(
            f"whom campaign {effect.campaign!r} helped cannot be told, as chance did not choose: {effect.how}"
        )
    people = effect.assigned
    recorded = bool(np.isfinite(people.propensity).all())
    chance = float(people.propensity[0] if recorded else people.treated.mean())
    return learn_uplift(people, share=share, chance=chance, learner=learner, folds=folds, conf_level=effect.conf_level,
                        rng=generator)  # fmt: skip


def learn_uplift(
    people: Assigned, *, share: float, chance: float, learner: str, folds: int, conf_level: float,
    rng: np.random.Generator,
) -> Uplift:  # fmt: skip
    """As `uplift`, of customers that were read already, of whom each had the same chance of treatment."""
    import pandas as pd

    stayed, weight = staying(people)
    for arm in (people.treated, ~people.treated):
        rows = arm & (weight > 0)
        left, stays = int((stayed[rows] == 0).sum()), int(stayed[rows].sum())
        if min(left, stays) < EACH:
            raise NotEnoughData(
                f"too few to tell whom campaign {people.campaign!r} helps: in one arm {left} left and {stays} stayed; "
                f"needed: {EACH} each"
            )
    covariates, x = columns_for(people)
    if not x.shape[1]:
        raise NotEnoughData(f"nothing is known of the customers of campaign {people.campaign!r} at their assignment")
    part = _dealt(people.treated, stayed, folds, rng)
    gain, risk, score = (np.empty(len(people)) for _ in range(3))
    for k in range(1, folds + 1):
        seen, held = part < k, part == k
        model = learn(x[seen], people.treated[seen], stayed[seen], weight[seen], chance, learner)
        alone, treated = model.chances(x[held])
        gain[held], risk[held] = model.uplift(x[held]), 1 - alone
        own, y, w = people.treated[held], stayed[held], weight[held]
        rest = np.where(own, (y - treated) / chance, -(y - alone) / (1 - chance))
        score[held] = treated - alone + w * rest
    judged = part > 0
    gain, risk, score, part = gain[judged], risk[judged], score[judged], part[judged]
    ranks = {name: _ranks(values, part) for name, values in (("uplift", gain), ("risk", risk))}
    kept = {name: _kept(score, rank <= share, conf_level) for name, rank in ranks.items()}
    chosen = {name: (rank <= share) / (rank <= share).sum() for name, rank in ranks.items()}
    apart = score * (chosen["uplift"] - chosen["risk"])
    whole = normal(float(score.mean()), float(score.std(ddof=1) / sqrt(len(score))), conf_level)
    n = len(score)
    return Uplift(
        campaign=people.campaign, horizon=people.horizon, share=share, gain=kept["uplift"], gain_by_risk=kept["risk"],
        better=replace(normal(float(apart.sum()), sqrt(float(apart @ apart)), conf_level), n=n),
        everybody=replace(whole, n=n), qini=_qini(score, ranks["uplift"], conf_level),
        qini_by_risk=_qini(score, ranks["risk"], conf_level), curve=_curve(score, ranks, conf_level),
        scores=pd.DataFrame({"customer_id": people.customer_id[judged], "uplift": gain, "risk": risk}), learner=learner,
        folds=folds, conf_level=conf_level, assigned=people,
        learned=learn(x, people.treated, stayed, weight, chance, learner, covariates),
    )  # fmt: skip


def staying(people: Assigned) -> tuple[Floats, Floats]:
    """Who stayed over the horizon (1 or 0), and the weights that stand in for those of whom it is not known yet."""
    if people.shop:  # when they will have bought is not known before the horizon is over, whoever they are
        return (~people.left).astype(float), people.lived.astype(float)
    early = people.event_observed & (people.duration <= people.horizon)
    known = people.lived | early
    gone = np.where(people.lived, people.left, early)
    duration = np.where(people.lived & ~gone, float(people.horizon), np.minimum(people.duration, people.horizon))
    return 1.0 - gone, censoring_weights(duration, known)


def _dealt(treated: Bools, stayed: Floats, folds: int, rng: np.random.Generator) -> Ints:
    """Part 0, of a third, and so many others of about the same size; each with its share of every arm and outcome."""
    part = np.empty(len(treated), dtype=np.int64)
    begin = 0
    for rows in (np.flatnonzero((treated == side) & (stayed == end)) for side in (False, True) for end in (0, 1)):
        place = np.arange(len(rows)) - round(len(rows) * _FIRST)
        part[rng.permutation(rows)] = np.where(place < 0, 0, 1 + (begin + place) % folds)
        begin += len(rows)
    return part


def _ranks(values: Floats, part: Ints) -> Floats:
    """Share of the customers of the same part who come before or with each.

    Parts are ordered by different models, whose levels cannot be compared.
    """
    rank = np.empty(len(values))
    for k in np.unique(part):
        rows = np.flatnonzero(part == k)
        order = rows[np.argsort(-values[rows], kind="stable")]
        rank[order] = (np.arange(len(rows)) + 1) / len(rows)
    return rank


def _kept(score: Floats, chosen: Bools, conf_level: float) -> Estimate:
    """Mean of the scores of those chosen."""
    mine = score[chosen]
    if len(mine) < 2:
        raise NotEnoughData("the share holds fewer than two customers; give a larger one")
    return replace(normal(float(mine.mean()), float(mine.std(ddof=1) / sqrt(len(mine))), conf_level), n=len(mine))


def _qini(score: Floats, rank: Floats, conf_level: float) -> Estimate:
    weight = 0.5 - rank
    weight = weight - weight.mean()
    parts = (score - score.mean()) * weight
    found = normal(float(parts.mean()), float(parts.std(ddof=1) / sqrt(len(parts))), conf_level)
    return replace(found, n=len(score))


def _curve(score: Floats, ranks: dict[str, Floats], conf_level: float) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for share in SHARES:
        row = {"share": share, "at_random": share * float(score.mean())}
        for name, rank in ranks.items():
            part = score * (rank <= share + 1e-12)
            found = normal(float(part.mean()), float(part.std(ddof=1) / sqrt(len(part))), conf_level)
            row |= {f"by_{name}{end}": v for end, v in zip(("", "_ci_lower", "_ci_upper"), found, strict=True)}
        rows.append(row)
    return pd.DataFrame(rows)
