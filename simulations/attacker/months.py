"""Chapter 02 as an attacker reads it: who leaves in which month of age."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from kbind.report.chapters.survival import SOLID
from kbind.survival.hazard_curve import HazardCurve

from .cohorts import read_share
from .knowledge import Knowledge
from .rules import Rule, Told


def read_months(known: Knowledge, facts: Sequence[Told], rule: Rule, end: str = "") -> None:
    """Facts of chapter 02 as knowledge of how many leave in each month.

    Steps of the curve tell the share that leaves of those still there: times the customers there, which lie between
    the number at the start of the month and that at its end. `end` ends the names of what is counted, which differs
    between reports of different months.
    """
    named = {fact["id"]: fact for fact in facts}
    months = sorted(int(name.split(".")[1]) for name in named if name.startswith("month.") and name[6:].isdigit())
    for month in months:
        leave, there = f"leave.{month}{end}", f"there.{month}{end}"
        # of fewer nothing is told, and a share of a customer is cut off
        known.count(there, SOLID, rule.most)
        read_share(known, named[f"month.{month}"], rule, leave, there)
    ages = sorted(int(name.split(".")[1]) for name in named if name.startswith("stay.") and name[5:].isdigit())
    for before, after in pairwise(ages):
        if after == before + 1 and after in months:
            _step(known, named[f"stay.{before}"], named[f"stay.{after}"], rule, f"leave.{after}{end}")
    _parts(known, named, rule, [f"leave.{month}{end}" for month in months if month], f"quiet{end}")


def _step(known: Knowledge, before: Told, after: Told, rule: Rule, leave: str) -> None:
    if before["hidden"] or after["hidden"] or not before["value"]:
        return
    (low, high), (least, most) = rule.share(before), rule.share(after)
    smallest, largest = max(0.0, 1 - most / low) if low else 0.0, 1 - least / high
    start, end = rule.bounds(before["n"])[1], rule.bounds(after["n"])[0]
    known.count(leave, _ceil(smallest * end), int(largest * start + 1e-6))


def _ceil(number: float) -> int:
    return -int(-(number - 1e-6) // 1) if number > 1e-6 else 0


def _parts(known: Knowledge, named: dict[str, Told], rule: Rule, parts: Sequence[str], name: str) -> None:
    """All months that are quiet, where none is anything else."""
    quiet = named.get("month.quiet")
    if quiet is None or quiet["hidden"] or "month.early" in named or "month.renewal" in named:
        return
    known.sum(name, parts)
    known.count(name, *rule.bounds(quiet["count"]))


def truth_of(hazard: HazardCurve, end: str = "") -> dict[str, int]:
    """The true counts under the names of the reader."""
    frame = hazard.to_frame()
    return {f"leave.{month:.0f}{end}": int(n) for month, n in zip(frame["month"], frame["events"], strict=True)}
