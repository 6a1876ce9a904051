"""Twelve practices for accounts, each with a measurable indicator: how we do, and which customers it concerns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import pandas as pd

from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.provenance import Provenance
from kbind.errors import ArgumentError, NotEnoughData, check_choice, check_conf_level
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.practices import current
from kbind.practices.consistency import service_consistency
from kbind.practices.early_warning import early_warning
from kbind.practices.incidents import incident_effect
from kbind.practices.milestones import milestones
from kbind.practices.moments import feedback_moments
from kbind.practices.onboarding import onboarding
from kbind.practices.pressure import contact_pressure
from kbind.practices.repeats import repeat_contacts
from kbind.practices.service_recovery import ServiceRecovery, service_recovery
from kbind.practices.single_contacts import single_contacts
from kbind.result import Shown

#: Indicator -> the practice it stands for; the first of a practice is its main one.
PRACTICE: Mapping[str, str] = MappingProxyType(
    {
        "case_studies": "case_studies",
        "expectations": "expectations",
        "reporting": "reporting",
        "next_phase": "next_phase",
        "milestones": "milestones",
        "feedback": "stakeholder_feedback",
        "early_warning": "stakeholder_feedback",
        "consistency": "consistency",
        "onboarding": "consistency",
        "contact_pressure": "relationship_marketing",
        "documentation": "documentation",
        "shared_accounts": "shared_accounts",
        "reciprocity": "reciprocity",
        "service_recovery": "reciprocity",
        "referrals": "referral_programme",
    }
)
#: Indicator -> tables and columns that it takes, or `table.column=value` where a row with the value has to be there.
NEEDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "case_studies": ("feedback.score", "feedback.instrument=nps", "customers.consent"),
        "expectations": ("tickets.promised", "tickets.closed"),
        "reporting": ("events.kind=report",),
        "next_phase": ("subscriptions.term_end",),
        "milestones": ("subscriptions.start",),
        "feedback": ("feedback.score",),
        "early_warning": ("feedback.score",),
        "consistency": ("tickets.closed",),
        "onboarding": ("subscriptions.start", "events.timestamp"),
        "contact_pressure": ("campaigns.assigned_at",),
        "documentation": ("tickets.closed", "tickets.kind"),
        "shared_accounts": ("contacts.side", "contacts.end", "subscriptions.start"),
        "reciprocity": ("tickets.goodwill",),
        "service_recovery": ("tickets.closed",),
        "referrals": ("customers.referred_by",),
    }
)


@dataclass(frozen=True)
class Indicator:
    """One indicator of a practice.

    Attributes
    ----------
    practice, key : str
        As `PRACTICE` has them.
    value : Estimate
        NaN where it is not measurable; its definition says what was counted.
    unit : {"share", "difference"}
    concerns : int or None
        Customers it concerns now: whom to act upon; None where nobody can be named.
    why : str
        Why it is not measurable; empty where it is.
    needs : tuple of str
        Tables and columns that are missing for it.
    """

    practice: str
    key: str
    value: Estimate
    unit: str = "share"
    concerns: int | None = None
    why: str = ""
    needs: tuple[str, ...] = ()

    @property
    def measurable(self) -> bool:
        """Whether there is a number."""
        return not self.why


@dataclass(frozen=True, eq=False)
class Practices(Shown):
    """An indicator for each of twelve practices. Made by `practices`.

    Attributes
    ----------
    indicators : tuple of Indicator
        In the order of the practices.
    results : mapping of str to result
        The named results behind them, as far as the data allows: "repeat_contacts", "feedback_moments",
        "early_warning", "onboarding", "service_consistency", "milestones", "incident_effect", "contact_pressure",
        "single_contacts", "service_recovery".
    missing : mapping of str to str
        Named result that could not be made -> why.
    """

    indicators: tuple[Indicator, ...]
    results: Mapping[str, Any] = field(repr=False)
    missing: Mapping[str, str] = field(repr=False)
    conf_level: float
    provenance: Provenance

    @property
    def definition(self) -> str:
        """What an indicator is."""
        who = self.provenance.customer
        told = sum(one.measurable for one in self.indicators)
        return (
            f"An indicator for each of {len(set(PRACTICE.values()))} practices ({told} of {len(self.indicators)} "
            f"indicators measurable), each with its own definition; {self.conf_level:.0%} intervals. Concerns: {who}s "
            f"to act upon at the end of the data. An indicator shows how a practice goes, not what it does. "
            f"{self.provenance}"
        )

    def headline(self) -> str:
        """How many are measurable."""
        return f"{sum(one.measurable for one in self.indicators)} of {len(self.indicators)} indicators measurable"

    @property
    def frame(self) -> pd.DataFrame:
        """As `to_frame` gives it."""
        return self.to_frame()

    def to_frame(self) -> pd.DataFrame:
        """One row an indicator.

        Returns
        -------
        DataFrame
            Columns practice, indicator, value, ci_lower, ci_upper, unit, n, concerns, why, needs (text, by commas).
        """
        rows = []
        for one in self.indicators:
            value = {"value": one.value.value, "ci_lower": one.value.ci_lower, "ci_upper": one.value.ci_upper}
            rest = {"unit": one.unit, "n": one.value.n, "concerns": one.concerns, "why": one.why}
            rows.append(
                {"practice": one.practice, "indicator": one.key, **value, **rest, "needs": ", ".join(one.needs)}
            )
        return pd.DataFrame(rows).astype({"n": "Int64", "concerns": "Int64"})

    def indicator(self, key: str) -> Indicator:
        """The indicator of that key.

        Raises
        ------
        ArgumentError
            There is none.
        """
        check_choice("key", key, tuple(PRACTICE))
        return next(one for one in self.indicators if one.key == key)


def practices(data: Dataset, *, conf_level: float = 0.95) -> Practices:
    """One measurable indicator or more for each of twelve practices for accounts, from the data that is there.

    Parameters
    ----------
    data : Dataset
        Whatever it holds; what a missing table or column would tell is said.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    Practices
        `.frame`, `.indicators`, `.indicator(key)`, `.results`.

    Examples
    --------
    >>> import kbind as kb
    >>> found = kb.practices(kb.datasets.load_saas("b2c")).frame.set_index("indicator")
    >>> found.loc["reporting", "needs"]
    'events.kind=report'
    """
    check_dataset(data)
    conf_level = check_conf_level(conf_level)
    results, missing = _results(data, conf_level)
    indicators = tuple(_indicator(data, key, results, missing, conf_level) for key in PRACTICE)
    end = data.as_of
    return Practices(indicators, results, missing, conf_level, Provenance.of(data, end))


def _results(data: Dataset, conf_level: float) -> tuple[dict[str, Any], dict[str, str]]:
    """The named results that the data allows, and why others are missing."""
    makers: dict[str, Callable[..., Any]] = {
        "repeat_contacts": repeat_contacts,
        "feedback_moments": feedback_moments,
        "early_warning": early_warning,
        "onboarding": onboarding,
        "service_consistency": service_consistency,
        "milestones": milestones,
        "incident_effect": incident_effect,
        "contact_pressure": contact_pressure,
        "single_contacts": single_contacts,
        "service_recovery": service_recovery,
    }
    results, missing = {}, {}
    for name, make in makers.items():
        try:
            results[name] = make(data, conf_level=conf_level)
        except (
            NotEnoughData,
            ArgumentError,
        ) as error:  # an instrument whose scale nobody knows is no fault of the call
            missing[name] = str(error)
    return results, missing


def _recovered(result: ServiceRecovery) -> Estimate:
    """What good handling adds to staying, against bad."""
    return replace(result.staying["well_vs_bad"], n=result.well_vs_bad.n)


#: Indicator -> named result and what is read from it: value, unit, customers concerned.
_READ: Mapping[str, tuple[str, Callable[[Any], tuple[Estimate, str, int | None]]]] = MappingProxyType(
    {
        "next_phase": ("milestones", lambda r: (r.reached["first_renewal"], "share", r.open["first_renewal"])),
        "milestones": ("milestones", lambda r: (r.reached["one_year"], "share", r.open["one_year"])),
        "early_warning": ("early_warning", lambda r: (r.hit_rate, "share", None)),
        "consistency": ("service_consistency", lambda r: (r.within_share, "share", None)),
        "onboarding": ("onboarding", lambda r: (r.within_30, "share", r.waiting)),
        "contact_pressure": ("contact_pressure", lambda r: (r.left[min(r.left)].difference, "difference", r.customers)),
        "documentation": ("repeat_contacts", lambda r: (r.settled, "share", None)),
        "shared_accounts": ("single_contacts", lambda r: (r.shares["either"], "share", r.shares["either"].count)),
        "service_recovery": ("service_recovery", lambda r: (_recovered(r), "difference", None)),
    }
)
#: Indicator -> what is counted of the customers there are now.
_COUNTED: Mapping[str, Callable[..., tuple[Estimate, int]]] = MappingProxyType(
    {
        "case_studies": current.references,
        "expectations": current.promises,
        "reporting": partial(current.events_lately, kind="report"),
        "feedback": current.heard,
        "reciprocity": current.goodwill,
        "referrals": current.referrers,
    }
)


def _indicator(
    data: Dataset, key: str, results: Mapping[str, Any], missing: Mapping[str, str], conf_level: float
) -> Indicator:
    """One indicator, or why it is not measurable."""
    make = partial(Indicator, PRACTICE[key], key)
    needs = tuple(need for need in NEEDS[key] if not current.tells(data, need))
    if needs:
        return make(UNKNOWN, why=f"{data.name!r} does not have {', '.join(needs)}", needs=needs)
    try:
        if key in _COUNTED:
            value, concerns = _COUNTED[key](data, conf_level)
            return make(value, concerns=concerns, why=_empty(value))
    except NotEnoughData as error:
        return make(UNKNOWN, why=str(error))
    name, read = _READ[key]
    if name not in results:
        return make(UNKNOWN, why=missing[name])
    value, unit, concerned = read(results[name])
    value = replace(value, definition=value.definition or results[name].definition)
    return make(value, unit, concerned, _empty(value))


def _empty(value: Estimate) -> str:
    return "" if value.value == value.value else "nobody could be counted yet"
