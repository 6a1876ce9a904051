"""Chapter 01 as an attacker reads it: cohorts by age, the curve over all of them, and the life cycle."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kbind.retention.cohorts import CohortRetention
from kbind.retention.lifecycle import Lifecycle

from .knowledge import MANY, Knowledge
from .rules import Rule, Told

STATES = ("new", "retained", "resurrected", "churned")
_INFINITE = float("inf")


class CohortReader:
    """Facts of chapter 01 as knowledge of its counts.

    What a name stands for: `on.2.3` are customers of the third cohort active at age 3, `on.2.0` are all of it,
    `gone.2.3` the others; `ever` and `never` are the same for an age or any later one; `both` are active at an age and
    at the one before, `left` at the one before only, `back` at the age only. `pooled` adds up all cohorts. What
    depends on when the report was written has its month in the name.

    Parameters
    ----------
    facts : sequence of mapping
        As JSON holds them.
    rule : Rule
        By which they were told.
    """

    def __init__(self, facts: Sequence[Told], rule: Rule) -> None:
        self.facts, self.rule = {str(fact["id"]): fact for fact in facts}, rule
        parts = [name.split(".") for name in self.facts]
        self.labels = sorted({part[1] for part in parts if part[0] in ("cycle", "cohort") and len(part) == 3})
        self.place = {label: i for i, label in enumerate(self.labels)}
        self.lived = len(self.labels)
        #: Whether some were customers before recording began, and so are of no cohort.
        self.older = any(re.search("left out: ", str(fact["definition"])) for fact in facts)

    def own(self, name: str) -> str:
        """A name that holds for this report only, not for one of another month."""
        return f"{name}@{self.lived}"

    def read(self, known: Knowledge) -> None:
        """Add what they tell."""
        self.known = known
        for i in range(self.lived):
            for k in range(self.lived - i):
                self._cell(i, k)
        for t in range(self.lived):
            self._period(t)
        self._sums()
        # what is hidden of a number says more where the number is known
        for fact in sorted(self.facts.values(), key=lambda fact: (bool(fact["hidden"]), fact["unit"] == "share")):
            self._fact(fact)

    # -- what holds for every company ------------------------------------------------------------------

    def _cell(self, i: int, k: int) -> None:
        known, on, size = self.known, f"on.{i}.{k}", f"on.{i}.0"
        ever, never = self.own(f"ever.{i}.{k}"), self.own(f"never.{i}.{k}")
        known.sum(size, [ever, never])
        if not k:
            known.sum(size, [f"new.{i}"])
            known.count(never, 0, 0)
            return
        known.sum(size, [on, f"gone.{i}.{k}"])
        known.at_most(on, ever)
        if i + k == self.lived - 1:
            known.sum(on, [ever])
        else:
            later = self.own(f"ever.{i}.{k + 1}")
            known.at_most(later, ever)
            known.linear({on: 1, later: 1, ever: -1}, 0, _INFINITE)
        both, before = f"both.{i}.{k}", f"on.{i}.{k - 1}"
        known.sum(on, [both, f"back.{i}.{k}"])
        known.sum(before, [both, f"left.{i}.{k}"])
        known.linear({both: 1, on: -1, before: -1, size: 1}, 0, _INFINITE)

    def _period(self, t: int) -> None:
        known, old = self.known, [f"old.{t}"] if self.older else []
        known.sum(f"active.{t}", [*(f"on.{i}.{t - i}" for i in range(t + 1)), *old])
        known.sum(f"active.{t}", [f"{state}.{t}" for state in ("new", "retained", "resurrected")])
        if not t:
            known.count("retained.0", 0, 0)
            known.count("churned.0", 0, 0)
            return
        known.sum(f"active.{t - 1}", [f"retained.{t}", f"churned.{t}"])
        if not self.older:
            known.sum(f"retained.{t}", [f"both.{i}.{t - i}" for i in range(t)])

    def _sums(self) -> None:
        known, own = self.known, self.own
        known.count(own("unseen"), 0, MANY if self.older else 0)
        known.sum(own("customers"), [*(f"new.{i}" for i in range(self.lived)), own("unseen")])
        known.sum(own("sum.churned"), [f"churned.{t}" for t in range(1, self.lived)])
        known.sum(own("sum.active"), [f"active.{t}" for t in range(self.lived - 1)])
        for k in range(self.lived):
            cohorts, whole = range(self.lived - k), own(f"at_risk.{k}")
            known.sum(whole, [f"on.{i}.0" for i in cohorts])
            for kind in ("on", "ever"):
                part = own(f"pooled.{kind}.{k}")
                known.sum(part, [self._kind(kind, i, k) for i in cohorts])
                known.sum(whole, [part, own(f"pooled.not_{kind}.{k}")])

    def _kind(self, kind: str, i: int, k: int) -> str:
        return f"on.{i}.{k}" if kind == "on" else self.own(f"ever.{i}.{k}")

    # -- what the page tells -----------------------------------------------------------------------------

    def _fact(self, fact: Told) -> None:
        kind, *rest = str(fact["id"]).split(".")
        if kind == "cohort" and rest[0] in self.place:
            i = self.place[rest[0]]
            self._share(fact, f"on.{i}.{rest[1]}", f"on.{i}.0")
        elif kind == "cycle":
            self._count(fact, f"{rest[1]}.{self.place[rest[0]]}")
        elif kind == "customers":
            self._count(fact, self.own("customers"))
        elif kind == "age":
            part = "on" if rest[1] == "on" else "ever"
            self._share(fact, self.own(f"pooled.{part}.{rest[0]}"), self.own(f"at_risk.{rest[0]}"))
        elif kind == "churn" and not rest:
            self._share(fact, self.own("sum.churned"), self.own("sum.active"))
        elif kind == "mean" and fact["value"] is not None:
            low, high = self.rule.mean(fact["value"])
            last = re.search(r"over the last (\d+)", str(fact["definition"]))
            periods = range(max(2, self.lived - int(last[1])) if last else 2, self.lived)
            terms = {f"{rest[0]}.{t}": 1.0 for t in periods}
            self.known.linear(terms, low * len(periods) - 1e-3, high * len(periods) + 1e-3)
        elif fact["id"] == "panel.share":
            self._share(fact, "on.0.0", self.own("at_risk.0"))
        elif kind in ("first", "later"):
            self._panel(fact, kind, rest)

    def _panel(self, fact: Told, which: str, rest: Sequence[str]) -> None:
        """A share of the first cohort, or of all later ones."""
        age, kind = (int(rest[1]), "on") if rest[0] == "age" else (1, "on" if rest[0] == "on" else "ever")
        cohorts = [0] if which == "first" else range(1, self.lived - age)
        part, whole = self.own(f"{which}.{kind}.{age}"), self.own(f"{which}.all.{age}")
        self.known.sum(part, [self._kind(kind, i, age) for i in cohorts])
        self.known.sum(whole, [f"on.{i}.0" for i in cohorts])
        self._share(fact, part, whole)

    def _count(self, fact: Told, name: str) -> None:
        self.known.count(name, *(self.rule.hidden if fact["hidden"] else self.rule.bounds(fact["value"])))

    def _share(self, fact: Told, part: str, whole: str) -> None:
        read_share(self.known, fact, self.rule, part, whole)


def read_share(known: Knowledge, fact: Told, rule: Rule, part: str, whole: str) -> None:
    """A share with its customers, or that it is hidden."""
    known.at_most(part, whole)
    if fact["hidden"]:
        place = known.names[whole]
        limits = rule.hidden_part(known.low[place], min(known.high[place], rule.most))
        if len(limits) > 1:
            known.either(part, *limits)
        else:
            known.count(part, *limits[0])
        return
    if fact["n"] is not None:
        known.count(whole, *rule.bounds(fact["n"]))
        if fact["count"] is not None:
            known.count(part, *rule.part(fact["n"], fact["count"]))
            known.linear({whole: 1, part: -1}, *rule.rest(fact["n"], fact["count"]))


def truth_of(on: CohortRetention, ever: CohortRetention, cycle: Lifecycle) -> dict[str, int]:
    """The true counts under the names of the reader; of all customers together."""
    frame, lived = cycle.to_frame(), on.activity.calendar.lived
    truth = {f"{state}.{t}": int(frame[state].iloc[t]) for state in (*STATES, "active") for t in range(len(frame))}
    truth[f"customers@{lived}"] = on.activity.customers
    for k in range(lived):
        size = on.active[0][: lived - k, 0]
        truth[f"at_risk.{k}@{lived}"] = int(size.sum())
        for kind, result in (("on", on), ("ever", ever)):
            part, end = result.active[0][: lived - k, k], "" if kind == "on" else f"@{lived}"
            truth |= {f"{kind}.{i}.{k}{end}": int(n) for i, n in enumerate(part)}
            other = "gone" if kind == "on" else "never"
            truth |= {f"{other}.{i}.{k}{end}": int(n) for i, n in enumerate(size - part)}
            truth[f"pooled.{kind}.{k}@{lived}"] = int(part.sum())
            truth[f"pooled.not_{kind}.{k}@{lived}"] = int((size - part).sum())
    return truth
