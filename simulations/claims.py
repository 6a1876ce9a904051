"""What is claimed at a nominal level, and one run of each claim: whether an interval covers, or a test rejects."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import bonds
import contrasts
import effects
import indicators
import leaks
import numpy as np
import observed_effects
import occasions
import personas
import practices
import refinement
import segments
import worth
from draws import (
    CHANGE,
    GROW,
    JOIN,
    LEAVE,
    SHRINK,
    censored,
    observed,
    record,
    revenue,
    weibull,
    weibull_survival,
)
from numpy.random import Generator
from opinions import roles, score, trend
from panels import TRUTH, tested

import kbind as kb
from kbind.estimate.sums import mean_of_sums, ratio_of_means
from kbind.orders.lapse import clustered_share
from kbind.revenue.revenue_retention import retention_of
from kbind.survival.cox import fit_cox
from kbind.survival.projection import project_retention
from kbind.survival.proportional import proportional_hazards_test
from kbind.value.models import MODELS

COVERAGE, SIZE = 0.95, 0.05
HORIZON = 24.0
WATCHED = (12.0, 60.0)

METRICS = {
    "auc": "AUC", "log_loss": "log loss", "brier": "Brier score", "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept", "empc": "EMPC", "lift_5": "lift in 5 %",
    "lift_10": "lift in 10 %", "lift_20": "lift in 20 %", "profit": "profit within a budget",
}  # fmt: skip


@dataclass(frozen=True)
class Claim:
    """Something that should happen in a nominal share of the runs.

    Attributes
    ----------
    names : tuple of str
        What is claimed; several of one draw.
    n : int
        Customers a run.
    nominal : float
        The interval's level, or the test's.
    run : callable
        Takes a random generator, gives whether it happened, one for each name.
    reason : str
        Why it does not hold, where that is known.
    most : int
        Runs that are worth their time.
    """

    names: tuple[str, ...]
    n: int
    nominal: float
    run: Callable[[Generator], tuple[bool, ...]]
    reason: str = ""
    most: int = 2000


def kaplan_meier(rng: Generator, n: int, monthly: bool) -> tuple[bool, ...]:
    """Survival at a horizon, and of those who have reached half of it; the median."""
    curve = kb.survival_curve(observed(rng, weibull(rng, n), WATCHED, monthly=monthly))
    half = HORIZON / 2
    given = weibull_survival(HORIZON) / weibull_survival(half)
    found = (
        _covers(curve.at(HORIZON), "survival", weibull_survival(HORIZON)),
        _covers(curve.at(half, given=half), "survival", given),
    )
    if monthly:
        return found
    median = 40.0 * np.log(2) ** (1 / 0.8)
    limits = curve.quantiles([0.5]).iloc[0]
    upper = np.inf if np.isnan(limits["time_ci_upper"]) else limits["time_ci_upper"]
    return (*found, bool(limits["time_ci_lower"] <= median <= upper))


def delayed_entry(rng: Generator, n: int) -> tuple[bool, ...]:
    """Half of the customers are known only from a later age on, and only if they got that far."""
    stay, entry = weibull(rng, 6 * n), rng.choice([0.0, 1.0], 6 * n) * rng.uniform(0, 18, 6 * n)
    seen = np.flatnonzero(stay > entry)[:n]
    stay, entry = stay[seen], entry[seen]
    watched = entry + rng.uniform(6, 48, n)
    curve = kb.survival_curve(record(np.minimum(stay, watched), stay <= watched, entry=entry))
    return (_covers(curve.at(HORIZON), "survival", weibull_survival(HORIZON)),)


def restricted_mean(rng: Generator, n: int) -> tuple[bool, ...]:
    """Mean time stayed up to the horizon of one group, and its difference and ratio to another group's."""
    second = np.arange(n) % 2 == 1
    scale = np.where(second, 60.0, 40.0)
    duration, left = censored(rng, scale * rng.weibull(0.8, n), (HORIZON, 60.0))
    found = kb.compare_survival(record(duration, left, split={"arm": second}), by="arm", horizon=HORIZON)
    one, other = (_mean_up_to(HORIZON, scale=s) for s in (40.0, 60.0))
    pair = found.pairwise()
    return (
        _covers(found.to_frame(), "rmst", one),
        _covers(pair, "rmst_difference", one - other),
        _covers(pair, "rmst_ratio", one / other),
    )


def log_rank(rng: Generator, n: int, groups: int, monthly: bool) -> tuple[bool, ...]:
    """The log-rank test of groups that do not differ."""
    duration, left = censored(rng, weibull(rng, n), WATCHED, monthly=monthly)
    durations = record(duration, left, split={"arm": np.arange(n) % groups})
    return (_rejects(kb.compare_survival(durations, by="arm").p_value),)


def stratified(rng: Generator, n: int) -> tuple[bool, ...]:
    """Strata that differ much, and hold unlike shares of the groups, which do not differ within them."""
    stratum = rng.integers(3, size=n)
    arm = rng.random(n) < np.array([0.3, 0.5, 0.7])[stratum]
    duration, left = censored(rng, weibull(rng, n) * np.array([0.4, 1.0, 2.0])[stratum], WATCHED, monthly=True)
    durations = record(duration, left, split={"arm": arm, "stratum": stratum})
    return (_rejects(kb.compare_survival(durations, by="arm", strata="stratum").p_value),)


def fleming_harrington(rng: Generator, n: int) -> tuple[bool, ...]:
    """Weights on early, on late and on middle differences, of groups without any."""
    duration, left = censored(rng, weibull(rng, n), WATCHED, monthly=True)
    durations = record(duration, left, split={"arm": np.arange(n) % 2})
    weights = ((1, 0), (0, 1), (1, 1))
    compared = kb.compare_survival(durations, by="arm")
    return tuple(_rejects(compared.weighted(rho=r, gamma=g).p_value) for r, g in weights)


def incidence(rng: Generator, n: int, monthly: bool) -> tuple[bool, ...]:
    """Share lost to one of two causes by the horizon."""
    rates = np.array([0.02, 0.03])
    duration, left = censored(rng, rng.exponential(1 / rates.sum(), n), WATCHED, monthly=monthly)
    cause = np.where(left, rng.choice([1, 2], n, p=rates / rates.sum()), 0)
    found = kb.cumulative_incidence(record(duration, cause, causes=("price", "moved"))).at(HORIZON)
    truth = rates[0] / rates.sum() * (1 - np.exp(-rates.sum() * HORIZON))
    return (_covers(found, "incidence", truth),)


def hazard(rng: Generator, n: int, monthly: bool) -> tuple[bool, ...]:
    """Share leaving in the twelfth month."""
    durations = observed(rng, rng.exponential(20.0, n), (6.0, 36.0), monthly=monthly)
    frame = kb.hazard_curve(durations).to_frame()
    month = frame[frame["month"] == 12]
    return (len(month) == 1 and _covers(month, "hazard", 1 - np.exp(-1 / 20)),)


def cox(rng: Generator, n: int, tests: bool) -> tuple[bool, ...]:
    """Coefficients of a yes-or-no and of a continuous covariate, or tests that hazards are proportional; they are."""
    x = np.column_stack([rng.random(n) < 0.4, rng.normal(size=n)])
    true = np.array([0.7, -0.5])
    duration, left = censored(rng, 40 * rng.exponential(1 / np.exp(x @ true)), WATCHED)
    fit = fit_cox(duration, left, x, names=["yes", "size"])
    if tests:
        p = proportional_hazards_test(fit, fit.names)["p_value"]
        return _rejects(p[0]), _rejects(p[2])
    frame = fit.to_frame()
    ratio = np.exp(true)
    inside = (frame["hazard_ratio_ci_lower"] <= ratio) & (ratio <= frame["hazard_ratio_ci_upper"])
    return bool(inside[0]), bool(inside[1])


def projection(rng: Generator, n: int) -> tuple[bool, ...]:
    """Eight periods of customers whose probabilities of leaving differ; the curve at twice that age."""
    alpha, beta, known = 2.0, 5.0, 8
    stay = rng.geometric(rng.beta(alpha, beta, n))
    survivors = [int((stay > period).sum()) for period in range(known + 1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # no spread, or no expected lifetime: in some runs it is so
        found = project_retention(survivors, horizon=2 * known)
    rows = found.parameters()
    inside = [bool(low <= true <= high) for true, low, high in
              zip((alpha, beta), rows["ci_lower"], rows["ci_upper"], strict=True)]  # fmt: skip
    age = np.arange(2 * known)
    truth = np.prod((beta + age) / (alpha + beta + age))
    return (*inside, _covers(found.to_frame().tail(1), "survival", float(truth)))


def revenue_retention(rng: Generator, n: int, spread: float) -> tuple[bool, ...]:
    """Gross and net retention and quick ratio of a window with limits, against those of infinitely many customers."""
    found = retention_of(revenue(rng, n, spread), "standard", COVERAGE).to_frame()
    while found["grr_ci_lower"].isna().all():  # too few customers of equal revenue for any
        found = retention_of(revenue(rng, n, spread), "standard", COVERAGE).to_frame()
    lost = LEAVE + SHRINK * CHANGE
    quick = (JOIN + GROW * CHANGE) / lost
    return (
        _covers(found, "grr", 1 - lost),
        _covers(found, "nrr", 1 - lost + GROW * CHANGE),
        _covers(found, "quick_ratio", quick),
    )


def spent(rng: Generator, n: int) -> tuple[bool, ...]:
    """Mean revenue a customer, and that of regular customers against others, four times as much; amounts are skewed."""
    amounts = rng.gamma(0.8, 50.0, n), rng.gamma(0.8, 200.0, n)
    once, regular = ((n, x.sum(), (x**2).sum(), (x**3).sum()) for x in amounts)
    _, *mean = mean_of_sums(once)
    _, *ratio = ratio_of_means(regular, once)
    return tuple(bool(low <= true <= high) for true, (low, high) in ((40.0, mean), (4.0, ratio)))


def false_alarms(rng: Generator, n: int) -> tuple[bool, ...]:
    """Customers who come back with chances of their own, some after many silences, some after one."""
    chance, m = rng.beta(4.0, 1.5, n), 1 + rng.poisson(2.0, n)
    y = rng.binomial(m, chance)
    sums = {"judged": m.sum(), "false_alarms": y.sum(), "alarmed": n, "mm": m @ m, "my": m @ y, "yy": y @ y}
    _, low, high = clustered_share({name: np.array(value) for name, value in sums.items()}, COVERAGE)
    return (bool(low <= 4.0 / 5.5 <= high),)


def _covers(frame: object, name: str, truth: float) -> bool:
    """Whether the interval of the first row holds the truth; none does not."""
    row = frame.iloc[0]
    return bool(row[f"{name}_ci_lower"] <= truth <= row[f"{name}_ci_upper"])


def _rejects(p: float) -> bool:
    return bool(p < SIZE)


def _mean_up_to(horizon: float, scale: float) -> float:
    """Area under the curve, by the midpoints of short steps."""
    edges = np.linspace(0, horizon, 200_001)
    return float(weibull_survival((edges[1:] + edges[:-1]) / 2, scale=scale).mean() * horizon)


def backtested(rng: Generator, n: int, metrics: tuple[str, ...]) -> tuple[bool, ...]:
    """Figures of a score at five observation dates, with rows of one customer at several of them."""
    found, true = tested(rng, n, 400), TRUTH | {"profit": n * TRUTH["profit"]}
    return tuple(bool(found["ci_lower"][m] <= true[m] <= found["ci_upper"][m]) for m in metrics)


def _all() -> list[Claim]:
    """Every claim, in the order of the table."""
    at, given, median = "Kaplan-Meier log-log interval at 24 months", "conditional survival interval", "median interval"
    result = [
        Claim((at, given, median), 300, COVERAGE, partial(kaplan_meier, n=300, monthly=False)),
        Claim((f"{at}, whole months", f"{given}, whole months"), 300, COVERAGE,
              partial(kaplan_meier, n=300, monthly=True)),
        Claim(("Kaplan-Meier log-log interval, delayed entry",), 400, COVERAGE, partial(delayed_entry, n=400)),
    ]  # fmt: skip
    for n, reason in ((80, "normal theory with 40 customers a group; see 400 and 2,000"), (400, ""), (2000, "")):
        names = ("RMST interval", "RMST difference interval", "RMST ratio interval")
        result.append(Claim(names, n, COVERAGE, partial(restricted_mean, n=n), reason))
    for groups, n in ((2, 200), (4, 400)):
        for monthly in (False, True):
            name = f"log-rank test, {groups} groups{', whole months' if monthly else ''}"
            result.append(Claim((name,), n, SIZE, partial(log_rank, n=n, groups=groups, monthly=monthly)))
    result.append(Claim(("log-rank test, stratified, whole months",), 300, SIZE, partial(stratified, n=300)))
    weights = tuple(f"Fleming-Harrington test ({w}), whole months" for w in ("1, 0", "0, 1", "1, 1"))
    result.append(Claim(weights, 300, SIZE, partial(fleming_harrington, n=300)))
    for monthly in (False, True):
        ties = ", whole months" if monthly else ""
        result += [
            Claim((f"cumulative incidence interval{ties}",), 300, COVERAGE, partial(incidence, n=300, monthly=monthly)),
            Claim((f"monthly hazard, Wilson interval{ties}",), 400, COVERAGE, partial(hazard, n=400, monthly=monthly)),
        ]
    fitted = ("Cox coefficient interval, yes or no", "Cox coefficient interval, continuous")
    tests = ("proportional hazards test, one covariate", "proportional hazards test, global")
    result += [
        Claim(fitted, 300, COVERAGE, partial(cox, n=300, tests=False)),
        Claim(tests, 300, SIZE, partial(cox, n=300, tests=True)),
    ]
    for n, reason in ((500, "8 periods of 500 customers hardly tell both apart; see 5,000"), (5000, "")):
        names = ("sBG alpha interval", "sBG beta interval", "sBG projected survival interval")
        result.append(Claim(names, n, COVERAGE, partial(projection, n=n), reason))
    return [
        *result,
        *_of_revenue(),
        *_of_purchases(),
        *_feedback(),
        *_of_contrasts(),
        *_of_predictions(),
        *_of_personas(),
        *_of_indicators(),
        *_of_refinement(),
        *_of_leaks(),
        *_of_practices(),
        *_of_effects(),
        *_of_occasions(),
        *_of_offers(),
        *_of_observed(),
        *_of_worth(),
        *_of_segments(),
        *_of_bonds(),
    ]


def _of_revenue() -> list[Claim]:
    result = []
    wide = "conservative: the limits have a width for what the dearest customers may still do"
    for spread, prices in ((0.5, "prices alike"), (1.2, "prices unlike")):
        for n in (200, 1000, 5000):
            names = tuple(f"{rate} interval, {prices}" for rate in ("GRR", "NRR", "MRR quick ratio"))
            result.append(Claim(names, n, COVERAGE, partial(revenue_retention, n=n, spread=spread), wide))
    return result


def _of_predictions() -> list[Claim]:
    result = []
    sure = "limits that hold by the triangle inequality, not by an approximation"
    names = tuple(f"backtest, {METRICS[metric]} interval, several dates" for metric in METRICS)
    wide = "percentile limits of a ratio in resampled lists are a little wide"
    result.append(Claim(names, 1000, COVERAGE, partial(backtested, n=1000, metrics=tuple(METRICS)), wide))
    name = "backtest, ECE interval, several dates"
    result.append(Claim((name,), 1000, COVERAGE, partial(backtested, n=1000, metrics=("ece",)), sure))
    return result


def _of_purchases() -> list[Claim]:
    result = []
    for n, reason in ((50, "means of few skewed amounts; see 500"), (500, "")):
        names = ("mean revenue interval", "ratio of mean revenues interval")
        result.append(Claim(names, n, COVERAGE, partial(spent, n=n), reason))
    for n in (40, 400):
        name = "false-alarm rate, Wilson interval with customers as clusters"
        result.append(Claim((name,), n, COVERAGE, partial(false_alarms, n=n)))
    return result


def _feedback() -> list[Claim]:
    result = []
    for extreme in (False, True):
        for several in (False, True):
            ending = (", nearly all at one end" if extreme else "") + (", 3 answers each" if several else "")
            names = (f"NPS interval{ending}", f"CSAT interval{ending}", f"interval of an item's mean{ending}")
            reason = "ten customers tell little; 30 and more hold"
            if extreme:
                reason = "on the safe side, as it has width where everyone agrees"
            run = partial(score, extreme=extreme, several=several)
            result += [Claim(names, n, COVERAGE, partial(run, n=n), reason) for n in (10, 30, 100, 500)]
    difference = ("NPS difference of two roles, shared customers",)
    result += [Claim(difference, n, COVERAGE, partial(roles, n=n)) for n in (30, 100, 500)]
    names = ("satisfaction trend, level", "satisfaction trend, slope", "satisfaction trend, level from one answer")
    reason = "on the safe side while it is open how far customers differ; see 500"
    return result + [Claim(names, n, COVERAGE, partial(trend, n=n), reason) for n in (50, 100, 500)]


def _of_contrasts() -> list[Claim]:
    """What is claimed of churned against retained customers."""
    mixed = "contrast, share of false findings"
    covered = tuple(
        f"contrast, {name}"
        for name in (
            "adjusted odds ratio interval, groups",
            "adjusted odds ratio interval, a number",
            "odds ratio interval",
            "risk difference interval",
        )
    )
    rates = ("contrast, rate ratio interval", "contrast, adjusted rate ratio interval")
    names = (f"{mixed}, nothing matters", f"{mixed}, some matter", f"{mixed}, adjusted, some only go with others")
    kinds = ("nothing", "some", "confounded")
    return [
        *(Claim((name,), 800, SIZE, partial(contrasts.false_finding, n=800, kind=kind))
          for name, kind in zip(names, kinds, strict=True)),
        Claim(covered, 800, COVERAGE, partial(contrasts.covered, n=800)),
        Claim(rates, 800, COVERAGE, partial(contrasts.covered_rates, n=800)),
        Claim(("Cramér's V interval",), 400, COVERAGE, partial(contrasts.together, n=400)),
    ]  # fmt: skip


def _of_worth() -> list[Claim]:
    """What is claimed of customers who buy at random, and of what they are worth."""
    asked = ("P(alive)", "purchases of a customer within 26 weeks", "purchases of a new customer within 26 weeks")
    merged = "whole days merge 1.5 % of the purchases, most of those who buy often; see rare purchases"
    wide = "2,000 customers hardly hold these parameters"
    result = []
    for model in ("bg_nbd", "mbg_nbd", "pareto_nbd"):
        used = MODELS[model]
        for unit, ending, reason in (("week", "", merged), ("month", ", rare purchases", wide)):
            names = tuple(f"{used.name}, {name} interval{ending}" for name in (*used.parameters, *asked))
            reason = wide if model == "pareto_nbd" else reason
            run = partial(worth.fitted, n=2000, model=model, unit=unit)
            result.append(Claim(tuple(name.replace("weeks", f"{unit}s") for name in names), 2000, COVERAGE, run, reason,
                                most=500))  # fmt: skip
    names = ("p", "q", "gamma", "mean amount of a purchase", "value of all customers within a year")
    amounts = tuple(f"gamma-gamma, {name} interval" for name in names)
    return [*result, Claim(amounts, 2000, COVERAGE, partial(worth.valued, n=2000, model="mbg_nbd"), most=500)]


def _of_segments() -> list[Claim]:
    """What is claimed of segments of churned customers."""
    kinds = {
        "segments, called groups in a continuum": segments.false_groups,
        "segments, found where there are none": segments.false_segments,
    }
    return [Claim((name,), 1500, SIZE, partial(run, n=1500), most=200) for name, run in kinds.items()]


def _of_bonds() -> list[Claim]:
    """What is claimed of bonding scores."""
    names = (
        "bonding score interval, from items",
        "bonding score interval, from behaviour",
        "mean agreement to a bond, weighted for non-response",
    )
    told, refused = "bonds, types told where there are none", "bonds, types refused where there are some"
    return [
        Claim((told,), 1500, SIZE, partial(bonds.types_told, n=1500), most=200),
        Claim((refused,), 1500, 0.1, partial(bonds.types_refused, n=1500), most=200),
        Claim(names, 1500, COVERAGE, partial(bonds.covered, n=1500), most=500),
    ]


def _of_indicators() -> list[Claim]:
    """What is claimed of the indicators of the practices."""
    kinds = {
        indicators.repeats: ("repeat contacts, share", "repeat contacts, on another channel",
                            "repeat contacts, beyond chance", "repeat contacts, trend"),
        indicators.moments: ("share of answers by moment", "CSAT by moment", "CSAT by moment, difference"),
        indicators.warning: tuple(f"early warning, {figure}{how}" for how in ("", ", threshold chosen")
                                 for figure in ("hit rate", "false-positive rate", "precision")),
        indicators.onboarding: ("onboarding, used within 14 days", "onboarding, used within 30 days"),
        indicators.consistency: ("consistency, share of variance within customers", "consistency, factor"),
        indicators.incident: ("incident, what it adds to leaving",),
        indicators.pressure: tuple(f"contact {k} of a quarter, what it adds to leaving" for k in (1, 2, 3)),
    }  # fmt: skip
    return [Claim(names, n, COVERAGE, partial(run, n=n), most=500) for run, names in kinds.items() for n in (300,)]


def _of_personas() -> list[Claim]:
    """What is claimed of personas."""
    lasting = "quarters with accounts in common do not vary independently, as the test needs them to"
    names = ("persona, retention interval", "persona, retained revenue interval", "persona, recall interval")
    return [
        Claim(names, 800, COVERAGE, partial(personas.covered, n=800), most=1000),
        *(Claim((f"persona drift, any change where there is none{ending}",), 800, SIZE,
                partial(personas.false_change, n=800, lasting=bool(ending)), reason, most=200)
          for ending, reason in (("", ""), (", lasting habits", lasting))),
    ]  # fmt: skip


def _of_refinement() -> list[Claim]:
    """What is claimed of refined personas, and of questions."""
    false = (
        "refine_persona, an edit confirmed where nothing matters",
        "refine_persona, an edit accepted where nothing matters",
        "qualifying_questions, something to ask where nothing matters",
    )
    gains = ("refine_persona, interval of the held-out gain", "refine_persona, interval of retained revenue")
    asked = ("qualifying_questions, interval of the adjusted difference",)
    return [
        Claim(false, 2400, SIZE, partial(refinement.nothing_matters, n=2400), most=200),
        Claim(gains, 4800, COVERAGE, partial(refinement.held_out, n=4800), most=500),
        Claim(asked, 2400, COVERAGE, partial(refinement.answers, n=2400), most=1000),
    ]


def _of_leaks() -> list[Claim]:
    """What is claimed of columns that know the outcome."""
    names = tuple(f"honest column removed as a leak: {name}" for name in leaks.HONEST)
    return [Claim(names, n, SIZE, partial(leaks.removed, n=n), most=1000) for n in (500, 2000, 7000)]


def _of_occasions() -> list[Claim]:
    """What is claimed of lists of occasions."""
    names = (
        "list of occasions, as many sleeping dogs as on a random list",
        "list of occasions, somebody without consent",
    )
    return [Claim(names, 1500, SIZE, partial(occasions.sleeping_dogs, n=1500), most=100)]


def _of_offers() -> list[Claim]:
    """What is claimed of offers with several arms."""
    found = Claim(("offers, the best of four arms missed",), 5000, 0.1, partial(observed_effects.best_missed, n=5000))
    limits = Claim(
        ("offers, all limits of the returns at once",), 5000, COVERAGE, partial(observed_effects.returns_held, n=5000)
    )
    sure = Claim(
        ("offers, a best arm called sure where all are alike",), 5000, SIZE, partial(observed_effects.alike, n=5000)
    )
    return [found, limits, sure]


def _of_observed() -> list[Claim]:
    """What is claimed of campaigns whose customers somebody chose."""
    runs = observed_effects
    names = ("chosen by what is known, doubly robust effect", "chosen by what is known, weighted effect")
    rates = {
        "chosen by what is known, an effect of 10 points not shown": (runs.not_shown, 0.2),
        "chosen by what is known, an effect shown where there is none": (runs.falsely_shown, SIZE),
        "chosen by what is hidden, not told": (runs.hidden_missed, 0.1),
    }
    covered = Claim(names, 3000, COVERAGE, partial(runs.targeted, n=3000), most=400)
    return [covered, *(Claim((name,), 3000, nominal, partial(run, n=3000), most=400)
                       for name, (run, nominal) in rates.items())]  # fmt: skip


def _of_practices() -> list[Claim]:
    """What is claimed of complaints, people and bonds."""
    ratios = tuple(f"hazard ratio, complaint {which}" for which in ("well against badly", "badly", "well"))
    stays = ("staying, well against badly", "staying, badly against none", "hazard ratio, who complains")
    lost = ("only one of ours", "one of ours, others stayed", "one of theirs")
    people = (*(f"hazard ratio, lost {which}" for which in lost), "expected leavers if people of ours go")
    dogs = ("effect of a campaign, idle less active", "effect of a campaign, idle", "effect of a campaign, active")
    prices = ("hazard ratio, price rise of a fifth", "hazard ratio, price rise of 3 %")
    differ = tuple(f"{name}, complainers differ" for name in ratios)
    return [
        Claim((*ratios, *stays), 1500, COVERAGE, partial(practices.recovery, n=1500, frail=False), most=500),
        Claim(differ, 1500, COVERAGE, partial(practices.recovery, n=1500, frail=True), most=500),
        Claim(people, 1500, COVERAGE, partial(practices.people, n=1500), most=500),
        Claim(dogs, 2000, COVERAGE, partial(practices.dogs, n=2000), most=500),
        Claim(prices, 2000, COVERAGE, partial(practices.prices, n=2000), most=500),
    ]


def _of_effects() -> list[Claim]:
    """What is claimed of randomised campaigns, and of whom to treat next."""
    intervals = ("difference of retention", "difference of the days stayed", "adjusted difference of retention")
    none = ("effect shown where there is none", "effect shown at one of five looks where there is none")
    alike = ("effect in a group said to differ where all gain alike",)
    apart = ("uplift said to tell customers apart where all gain alike",)
    kept = ("uplift, customers kept among those with the largest",)
    return [
        Claim(tuple(f"effect, {name}" for name in intervals), 1500, COVERAGE, partial(effects.covered, n=1500),
              most=1000),
        Claim(none, 1500, SIZE, partial(effects.nothing, n=1500), most=1000),
        Claim(alike, 3000, SIZE, partial(effects.same_in_groups, n=3000), most=1000),
        Claim(apart, 2000, SIZE, partial(effects.told_apart, n=2000), most=500),
        Claim(kept, 3000, COVERAGE, partial(effects.kept, n=3000), most=500),
    ]  # fmt: skip


CLAIMS = _all()
