"""Refine the example personas on many splits of Telco, and on permuted outcomes; `python splits.py [--splits 50]`.

Writes docs/refinement.md: what was promised against what an untouched third shows, and how often nothing is accepted
where nothing matters.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from run import ROOT, commit

import kbind as kb

HEAD = """# Personas refined on many splits

Written by `make simulate`. Telco, contract attributes not allowed in rules, default settings. Found, confirmed and
promised: gain in retention on the part that found the edits, on the part that confirmed them, and the smaller of both;
held out: on the third part, which had no part in choosing; adjusted: the same among customers alike in tenure. Means
over the splits in which an edit was confirmed. Optimism is promised minus held out; it is to be at most .01. Over the
splits that ended with "accept" alone it is lower still, because a low gain on the third part is not accepted.
"""

COLUMNS = ("persona", "splits", "accept", "reject", "not enough data", "found", "confirmed", "promised", "held out",
           "standard deviation", "adjusted", "optimism", "optimism, accepted", "customers in both")  # fmt: skip


def splits(telco: kb.Dataset, who: kb.Persona, runs: int) -> list[str]:
    """One row of the table."""
    verdicts, rows = Counter(), []
    for seed in range(runs):
        result = kb.refine_persona(who, telco, exclude="contract", rng=seed)
        verdicts[result.verdict] += 1
        there = result.held_out
        if there is not None:
            gains = [result.found, result.confirmed, result.promised, there.gain, there.gain_adjusted]
            rows.append([*(gain.value for gain in gains), there.identity, result.verdict == "accept"])
    cells = [who.name, str(runs), *(str(verdicts[name]) for name in COLUMNS[2:5])]
    if not rows:
        return [*cells, *["–"] * 9]
    found, confirmed, promised, held_out, adjusted, both, accepted = np.array(rows).T
    optimism = promised - held_out
    values = [x.mean() for x in (found, confirmed, promised, held_out)]
    values += [held_out.std(ddof=1) if len(rows) > 1 else np.nan, adjusted.mean(), optimism.mean()]
    values += [optimism[accepted > 0].mean() if accepted.any() else np.nan, both.mean()]
    return [*cells, *("–" if np.isnan(value) else f"{value:.3f}" for value in values)]


def permuted(telco: kb.Dataset, who: kb.Persona, runs: int) -> tuple[int, int]:
    """In how many runs an edit was confirmed, and in how many accepted, where leaving was dealt out at random."""
    people = telco.table("customers")
    confirmed = accepted = 0
    for seed in range(runs):
        left = np.random.default_rng(seed).permutation(people["churn"].to_numpy())
        data = replace(kb.open_dataset({"customers": people.assign(churn=left)}), roles=telco.roles)
        result = kb.refine_persona(who, data, exclude="contract", rng=seed)
        confirmed += any(edit.finding == "confirmed" for edit in result.edits)
        accepted += result.verdict == "accept"
    return confirmed, accepted


def main() -> None:
    """Refine, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=50)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "refinement.md")
    options = parser.parse_args()
    telco = kb.datasets.load_telco()
    personas = kb.Persona.load_all(ROOT / "data" / "personas" / "telco")
    lines = [f"| {' | '.join(COLUMNS)} |", "|---|" + "--:|" * (len(COLUMNS) - 1)]
    for who in personas:
        lines.append(f"| {' | '.join(splits(telco, who, options.splits))} |")
        print(lines[-1], flush=True)
    who = next(persona for persona in personas if persona.name == "streaming")
    confirmed, accepted = permuted(telco, who, options.runs)
    told = (f"Where leaving was dealt out at random, {who.name}: of {options.runs} runs an edit was confirmed in "
            f"{confirmed}, and accepted in {accepted}.")  # fmt: skip
    print(told)
    made = f"Commit {commit()}, {datetime.now(UTC):%Y-%m-%d}."
    options.out.write_text("\n".join([HEAD, *lines, "", told, "", made]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
