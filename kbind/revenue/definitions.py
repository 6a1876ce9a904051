"""Figures of recurring revenue as the trade defines them: one rule a figure and preset, and where it was read.

A rule is two sums over what `Movements` knows. The printed formula is made from the same sums that are computed, so
that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PRESETS = ("standard", "chartmogul", "baremetrics", "stripe")
FIGURES = ("grr", "nrr", "quick_ratio", "logo_churn")

#: What the terms of a formula are called.
_WORDS = {
    "start": "start", "new": "new", "expansion": "expansion", "contraction": "contraction", "churn": "churn",
    "reactivation": "reactivation", "n_start": "customers at the start", "n_new": "joined",
    "n_churn": "gone at the end", "n_brief": "joined and left", "n_brief_again": "came back and left",
}  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """How a preset computes a figure.

    Attributes
    ----------
    numerator, denominator : mapping of str to int
        Term -> +1 or -1: "start" and the movements for money, the same with `n_` for customers. No term at all: the
        vendor leaves the figure open.
    source : str
        What was read: title, publisher, address.
    note : str
        What a reader has to know, or why the figure is open.
    """

    numerator: Mapping[str, int] = field(default_factory=dict)
    denominator: Mapping[str, int] = field(default_factory=dict)
    source: str = ""
    note: str = ""

    @property
    def formula(self) -> str | None:
        """The rule in words; None if the figure is open."""
        return f"{_said(self.numerator)} / {_said(self.denominator)}" if self.numerator else None


def _said(terms: Mapping[str, int]) -> str:
    text = "".join(f"{' + ' if sign > 0 else ' - '}{_WORDS[term]}" for term, sign in terms.items())
    return text[3:] if len(terms) == 1 else f"({text[3:]})"


_OWN = "kbind, docs/definitions.md"
_CM = "ChartMogul Help Center, https://help.chartmogul.com/hc/en-us/articles/"
_CM_CHURN = f"Metric: MRR Churn Rate, {_CM}203359341"
_CM_NET = f"Chart: Net MRR Churn Rate, {_CM}4414075567250"
_CM_LOGO = f"Churn rate formulas, {_CM}207340419 (standard formula)"
_CM_QUICK = "SaaS Quick Ratio, ChartMogul blog, https://chartmogul.com/blog/saas-quick-ratio/"
_BM_CHURN = "User and Revenue Churn, Baremetrics Help, https://help.baremetrics.com/en/articles/5380347"
_BM_NRR = "Net Revenue Retention, Baremetrics changelog, https://changelog.baremetrics.com/new-metric-net-revenue-retention-2BOJIA"
_BM_QUICK = (
    "New Quick Ratio Metric, Baremetrics changelog, https://changelog.baremetrics.com/new-quick-ratio-metric-4ohZDy"
)
_BM_BRIEF = "Churn Update, https://changelog.baremetrics.com/churn-update-4pqo9O"
_STRIPE = "Billing metric definitions, Stripe Docs, https://docs.stripe.com/billing/subscriptions/analytics/glossary"
_STRIPE_CHURN = "Calculating churn rate in Billing, Stripe Support, https://support.stripe.com/questions/calculating-churn-rate-in-billing"

_ROLLING = "the vendor takes the last 30 days, here it is the window"
_COMPLEMENT = "1 minus the vendor's {}"
_NO_RATE = "open: what was read of the page has no such rate, only MRR and its growth"

_START = {"start": 1}
_KEPT = {"start": 1, "contraction": -1, "churn": -1}
_NET = {"start": 1, "expansion": 1, "contraction": -1, "churn": -1}
_GAINED, _LOST = {"new": 1, "expansion": 1}, {"contraction": 1, "churn": 1}
_GONE, _THERE = {"n_churn": 1}, {"n_start": 1}
_ALL_GONE = {"n_churn": 1, "n_brief": 1, "n_brief_again": 1}

RULES: Mapping[tuple[str, str], Rule] = {
    ("grr", "standard"): Rule(_KEPT, _START, _OWN, "sum over customers of the lower of start and end; never above 1"),
    ("grr", "chartmogul"): Rule(
        _KEPT, _START, _CM_CHURN, _COMPLEMENT.format("Gross MRR Churn Rate (standard formula)")
    ),
    ("grr", "baremetrics"): Rule(_KEPT, _START, _BM_CHURN, f"{_COMPLEMENT.format('Revenue Churn')}; {_ROLLING}"),
    ("grr", "stripe"): Rule(source=_STRIPE, note=_NO_RATE),
    ("nrr", "standard"): Rule(_NET, _START, _OWN, "customers paying at the start, their revenue at the two instants"),
    ("nrr", "chartmogul"): Rule(
        _NET | {"reactivation": 1}, _START, _CM_NET,
        f"{_COMPLEMENT.format('Net MRR Churn Rate (standard formula)')}; customers who come back count",
    ),
    ("nrr", "baremetrics"): Rule(
        _NET, _START, f"{_BM_NRR}; {_BM_CHURN}", f"the vendor's churned MRR includes downgrades; {_ROLLING}"
    ),
    ("nrr", "stripe"): Rule(source=_STRIPE, note=_NO_RATE),
    ("quick_ratio", "standard"): Rule(_GAINED, _LOST, _OWN, "reactivation is added on demand (include_reactivation)"),
    ("quick_ratio", "chartmogul"): Rule(
        _GAINED, _LOST, _CM_QUICK, "new business and upsells against cancellations and downgrades; what was read of "
        "the page does not say where reactivation belongs, so it is added on demand only",
    ),
    ("quick_ratio", "baremetrics"): Rule(_GAINED, _LOST, _BM_QUICK, _ROLLING),
    ("quick_ratio", "stripe"): Rule(source=_STRIPE, note="open: what was read of the page has no quick ratio"),
    ("logo_churn", "standard"): Rule(_GONE, _THERE, _OWN, "who joins and leaves within the window counts nowhere"),
    ("logo_churn", "chartmogul"): Rule(_GONE, _THERE, _CM_LOGO, "without who joined and left, or left and came back"),
    ("logo_churn", "baremetrics"): Rule(
        _ALL_GONE, _THERE, f"{_BM_CHURN}; {_BM_BRIEF}",
        f"can exceed 1, since those who joined and left are in the numerator only; {_ROLLING}",
    ),
    ("logo_churn", "stripe"): Rule(
        _ALL_GONE, {"n_start": 1, "n_new": 1, "n_brief": 1}, _STRIPE_CHURN,
        f"a customer counts as gone once; who comes back is not new; {_ROLLING}",
    ),
}  # fmt: skip


def rule_of(figure: str, preset: str, *, include_reactivation: bool = False) -> Rule:
    """The rule, with reactivation in the numerator of the quick ratio if asked for."""
    rule = RULES[figure, preset]
    if figure != "quick_ratio" or not include_reactivation or not rule.numerator:
        return rule
    return Rule({**rule.numerator, "reactivation": 1}, rule.denominator, rule.source, rule.note)
