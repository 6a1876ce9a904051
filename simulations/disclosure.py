"""Attack random companies and whole reports; `python simulations/disclosure.py [--companies 1000] [--reports 20]`.

Writes docs/disclosure.md: how many counts of too few customers an attacker computes back from what reports tell, alone
and together with the report of a month before, and how much reports hide.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from typing import Any

from attacker import reasons
from attacker.alone import recovered_alone
from attacker.attack import FAMILIES, Target, by_family, compare, recovered
from attacker.companies import company
from attacker.knowledge import Knowledge
from attacker.reports import read_report
from attacker.rules import Rule
from run import ROOT, commit

import kbind as kb
from kbind.text.disclosure import Disclosure

THRESHOLD = 5
#: What is told, and what of it is hidden, by the first word of the names of facts.
KINDS = {
    "cohort": "cohorts by age",
    "age": "ages",
    "cycle": "life cycle",
    "month": "months",
    "typed": "reasons by type",
}

HEAD = """# What can be computed back from reports

Written by `make simulate`. An attacker knows what a report tells in both languages, the report of the month before, and
the program: by which rule counts are rounded, and which of them add up. He asks, by integer programs, which counts of 1
to 4 customers can be nothing but what they are; and of each share of every chapter by itself, from which counts it can
come. Companies are drawn at random: 20 to 400 customers, half of them with
contracts. "All told" are the same companies with a threshold of 1: what the attacker would find without the rule.
"""


def attacked(seed: int, threshold: int) -> dict[str, Counter[str]]:
    """One company: its small counts, those recovered, and what is told and hidden."""
    rule, known, truth = Rule(Disclosure(threshold)), Knowledge(), {}
    data = company(seed)
    now = Target.of(data, threshold)
    facts = list(now.facts)
    for target in (now, Target.of(company(seed, earlier=1), threshold)):
        target.read(known, rule)
        truth |= target.truth
    compare(known)
    found = recovered(known, truth, THRESHOLD)
    undecided = len(known.undecided)
    if data.has("cancellations.reason"):
        told, counts = reasons.told_of(data, "size", threshold)
        if told:
            table = Knowledge()
            reasons.read_reasons(table, told, rule, counts)
            exact = reasons.truth_of(counts)
            truth |= exact
            facts += told
            missing = counts.shape[1] * (counts.shape[0] + 1) - sum(".share." in str(fact["id"]) for fact in told)
            facts += [{"id": "typed.hidden", "hidden": True}] * missing
            found += recovered(table, exact, THRESHOLD)
            undecided += len(table.undecided)
    small = [name for name, n in truth.items() if 0 < n < THRESHOLD and name.split(".")[0] in FAMILIES]
    kinds = [(KINDS.get(str(fact["id"]).split(".")[0], ""), bool(fact["hidden"])) for fact in facts]
    return {
        "small": by_family(small),
        "recovered": by_family(found),
        "undecided": Counter(counts=undecided),
        "told": Counter(kind for kind, _ in kinds),
        "hidden": Counter(kind for kind, hidden in kinds if hidden),
    }


def reported(seed: int) -> dict[str, Counter[str]]:
    """The whole report of a company: counts recovered, and numbers by chapter, all and hidden ones.

    Shares count as recovered that give a small count away by themselves. "few" are those that count 1 to 4 customers.
    """
    data, known, disclosure = company(seed), Knowledge(), Disclosure(THRESHOLD)
    with tempfile.TemporaryDirectory() as folder:
        pages, internal = Path(folder) / "pages", Path(folder) / "exact.json"
        kb.Report(data).write(pages, internal=internal)
        read_report(known, pages, Rule(disclosure))
        told = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in pages.glob("en/[0-9]*.json")}
        exact = json.loads(internal.read_text(encoding="utf-8"))["exact"]
    facts = {name[: name.index("_")]: record.get("facts", ()) for name, record in told.items()}
    alone = {f"share in {name}": len(recovered_alone(found, disclosure)) for name, found in facts.items()}
    return {
        "recovered": by_family(recovered(known, Target.of(data, 1).truth, THRESHOLD)) + Counter(alone),
        "told": Counter({name: len(found) for name, found in facts.items()}),
        "hidden": Counter({name: sum(fact["hidden"] for fact in found) for name, found in facts.items()}),
        "few": Counter({name[: name.index("_")]: sum(map(_of_few, found)) for name, found in exact.items()}),
    }


def _of_few(fact: Mapping[str, Any]) -> bool:
    """Whether an exact number, its size or its numerator counts 1 to 4 customers: all that was hidden at first."""
    counts = fact["n"], fact["count"], fact["value"] if fact["unit"] == "customers" else None
    return any(count is not None and 0 < count < THRESHOLD for count in counts)


def _added(results: list[dict[str, Counter[str]]]) -> dict[str, Counter[str]]:
    return {name: sum((result[name] for result in results), Counter()) for name in results[0]}


def main() -> None:
    """Attack, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--companies", type=int, default=1000)
    parser.add_argument("--reports", type=int, default=20)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "disclosure.md")
    options = parser.parse_args()
    seeds = range(options.companies)
    with Pool(options.processes) as pool:
        told = _added(pool.map(partial(attacked, threshold=THRESHOLD), seeds, 5))
        exact = _added(pool.map(partial(attacked, threshold=1), seeds[: max(1, options.companies // 10)], 5))
        reports = _added(pool.map(reported, range(options.reports), 1))
    lines = [
        "| counts of 1 to 4 customers | there are | recovered | all told: there are | recovered |",
        "|---|--:|--:|--:|--:|",
    ]
    for family in dict.fromkeys(FAMILIES.values()):
        numbers = (counts[name][family] for counts in (told, exact) for name in ("small", "recovered"))
        lines.append(f"| {family} | {' | '.join(f'{number:,}' for number in numbers)} |")
    lines += [
        "",
        f"Of {told['undecided']['counts']:,} counts the solver had not the time to say.",
        "",
        f"In {options.reports} whole reports, all chapters: {sum(reports['recovered'].values())} recovered.",
        "",
    ]
    lines += ["| told | fields | hidden |", "|---|--:|--:|"]
    for kind in KINDS.values():
        share = told["hidden"][kind] / max(told["told"][kind], 1)
        lines.append(f"| {kind} | {told['told'][kind]:,} | {share:.0%} |")
    lines += ["", "| whole reports | numbers | hidden | hidden if only numbers of 1 to 4 were |", "|---|--:|--:|--:|"]
    for name, number in sorted(reports["told"].items()):
        shares = " | ".join(f"{reports[kind][name] / number:.0%}" for kind in ("hidden", "few"))
        lines.append(f"| chapter {name} | {number:,} | {shares} |")
    whole = f"{len(seeds):,} companies, threshold {THRESHOLD}; a tenth of them all told."
    text = "\n".join([HEAD, whole, "", *lines, "", f"Commit {commit()}, {datetime.now(UTC):%Y-%m-%d}."])
    print(text)
    options.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
