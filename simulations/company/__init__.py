"""Simulated companies with known truth: what is planted where stands in docs/simulation.md.

Some of them are kept in `data/saas`, where `kb.datasets.load_saas` finds them; `make data` writes them anew.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from kbind.dataset.dataset import Card, Dataset
from kbind.dataset.opening import open_dataset
from kbind.errors import check_choice, check_count

from . import campaigns, contracts, goodbyes, people, service, usage, voices
from .accounts import HISTORY, TAIL, Accounts, draw_accounts
from .attributes import BONDS, GOALS
from .cards import saas_card
from .course import Course, draw_course
from .draws import Array, Draws, streams
from .frames import ZONE, coded, month_start
from .hazards import build_risk, first_true
from .scenario import SCENARIOS, Scenario
from .spells import joined, one_spell, present, returners, seen_until
from .truth import Planted, build_truth

#: Fewer accounts or months leave tables empty.
_LEAST_ACCOUNTS, _MOST_ACCOUNTS, _LEAST_MONTHS, _MOST_MONTHS = 200, 1_000_000, 18, 120


def simulate_saas(
    n_accounts: int = 5000,
    months: int = 36,
    *,
    scenario: str = "baseline",
    rng: int | np.random.Generator | np.random.SeedSequence = 0,
) -> Dataset:
    """Every table of a company that sells software by subscription, made up, with the truth behind it.

    For tests, teaching and trying out: an estimate can be compared with what was planted. See docs/simulation.md.

    Parameters
    ----------
    n_accounts : int
        Customers, from 200.
    months : int
        Months recorded, 18 to 120, from January 2022.
    scenario : str
        "baseline", "b2c" (purchases without contracts), "no_effect", "no_types", "no_segments", "continuum",
        "clear_segments", "informative_censoring", "unmeasured_confounder" or "polite_reasons".
    rng : int, numpy.random.Generator or numpy.random.SeedSequence
        Source of randomness. The same number gives the same data.

    Returns
    -------
    Dataset
        Wall-clock times of Europe/Berlin. `truth` holds what was planted, its card says that it is simulated.

    Raises
    ------
    ArgumentError
        An argument is not usable.

    Examples
    --------
    >>> from simulations.company import simulate_saas
    >>> data = simulate_saas(n_accounts=500, months=24)
    >>> print(", ".join(data.tables))
    customers, events, cancellations, tickets, feedback, campaigns, subscriptions, contacts
    >>> effects = data.truth.effects.set_index("name")["value"]
    >>> float(effects["lost_manager"]), float(effects["region:north"])
    (0.9, 0.0)
    >>> outcomes = data.truth.outcomes
    >>> set(outcomes["effect"]) <= {-1, 0, 1}
    True
    """
    tables, card, truth = draw_company(n_accounts, months, scenario=scenario, rng=rng)
    first, end = (pd.Timestamp(month_start(np.asarray(month)).item()) for month in (0, months))
    data = open_dataset(tables, timezone=ZONE, as_of=end, recorded_from=first)
    return replace(data, name=card.title, card=card, truth=truth)


def draw_company(
    n_accounts: int, months: int = 36, *, scenario: str, rng: int | np.random.Generator | np.random.SeedSequence = 0
) -> tuple[dict[str, pd.DataFrame], Card, Planted]:
    """Tables, card and truth of a company, as `simulate_saas` opens them."""
    chosen = SCENARIOS[check_choice("scenario", scenario, tuple(SCENARIOS))]
    check_count("n_accounts", n_accounts, _LEAST_ACCOUNTS, _MOST_ACCOUNTS)
    check_count("months", months, _LEAST_MONTHS, _MOST_MONTHS)
    draws = streams(rng)

    accounts, course, deal = _recorded(chosen, n_accounts, months, draws)
    start, width = accounts.start + HISTORY, HISTORY + months + TAIL
    risk = build_risk(chosen, accounts, course, deal.plan, start)
    seen = seen_until(chosen, accounts, width, draws["return"])
    carried = campaigns.carry_out(chosen, accounts, risk, course.leaving, seen, months, draws["campaigns"])
    rows = np.arange(n_accounts)
    first = one_spell(
        chosen, rows, start, risk, carried.extra, course.leaving, seen, months, draws["leaving"], again=False
    )
    rows, start = returners(chosen, first, months, draws["return"])
    back = course.take(rows)
    risk_back = build_risk(chosen, accounts.take(rows), back, deal.plan[rows], start, again=True)
    nothing = np.zeros((len(rows), width))
    second = one_spell(
        chosen, rows, start, risk_back, nothing, back.returning, seen[rows], months, draws["return"], again=True
    )
    spells = joined(first, second)
    here = present(spells, n_accounts, months)

    tickets = service.tickets(chosen, course, here, draws["tickets"])
    cancelled, reasons = goodbyes.goodbyes(chosen, accounts, risk, spells, draws["goodbyes"])
    tables = {
        "customers": _customers(chosen, accounts, seen, months, draws["accounts"]),
        "events": usage.events(chosen, accounts, course, spells, here, draws["usage"]),
        "cancellations": cancelled,
        "tickets": tickets,
        "feedback": voices.feedback(chosen, accounts, course, tickets, here, draws["feedback"]),
        "campaigns": carried.table,
    }
    if chosen.contracts:
        tables["subscriptions"] = contracts.subscriptions(chosen, accounts, deal, spells, months)
    if chosen.contacts:
        tables["contacts"] = people.contacts(accounts, course, spells, months, draws["people"])
    truth = build_truth(
        chosen, accounts, deal, spells, (risk, risk_back), carried.extra, months, carried.outcomes, reasons
    )
    card = saas_card(chosen, n_accounts, months, sum(len(table) for table in tables.values()))
    return tables, card, truth


def _recorded(
    scenario: Scenario, n: int, months: int, draws: dict[str, Draws]
) -> tuple[Accounts, Course, contracts.Deal]:
    """Draw more accounts than needed, and keep those still there when recording began, in the order they came."""
    accounts = draw_accounts(scenario, n + n // 3 + 100, months, draws["accounts"])
    course = draw_course(scenario, accounts, months, draws["course"], draws["leaving"])
    deal = contracts.draw_deal(scenario, accounts, course, draws["contracts"])
    risk = build_risk(scenario, accounts, course, deal.plan, accounts.start + HISTORY)
    there = np.flatnonzero(first_true(course.leaving < risk.total()) >= HISTORY)[:n]
    rows = there[np.argsort(accounts.start[there], kind="stable")]
    return accounts.take(rows), course.take(rows), deal.take(rows)


def _customers(scenario: Scenario, accounts: Accounts, seen: Array, months: int, draws: Draws) -> pd.DataFrame:
    """What the company knows of each customer; referrers came earlier, and rather share the company's values."""
    n = len(accounts)
    rows = np.arange(n)
    value = accounts.scores[:, BONDS.index("value")]
    before = np.searchsorted(accounts.start, accounts.start)
    one, other = (np.floor(draws.uniform(n) * before).astype(np.int64) for _ in range(2))
    referrer = np.where(value[one] >= value[other], one, other) + 1
    frame = pd.DataFrame(
        {
            "customer_id": rows + 1,
            "acquired_at": month_start(accounts.start),
            "referred_by": pd.array(referrer, dtype="Int64"),
            "consent": accounts.consent,
            **{a.name: coded(accounts.levels[a.name], a.levels) for a in scenario.attributes if not a.hidden},
            "budget": np.round(2.0**accounts.log_budget),
            "goal": coded(accounts.goal, GOALS),
        }
    )
    frame.loc[~(accounts.referred & (before > 0)), "referred_by"] = pd.NA
    if not np.isneginf(scenario.vanish):
        shown = seen - HISTORY
        frame["observed_until"] = month_start(shown, shown < months)
    return frame
