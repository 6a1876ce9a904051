"""Money of customers who pay very unlike each other: how often there are limits, and what these hold.

`python money.py [--runs 2000]` writes the section "Heavy tails" of docs/simulations.md; run.py leaves it as it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from draws import CHANGE, GROW, LEAVE, SHRINK
from numpy.random import Generator

from kbind.estimate.sums import mean_of_money
from kbind.revenue.revenue_retention import ratio_limits, share_limits
from kbind.typing import Floats

OUT = Path(__file__).parent.parent / "docs" / "simulations.md"
MARK = "## Heavy tails"
SPREADS, SIZES = (0.0, 1.0, 1.5), (40, 100, 300, 1000)
ABOUT = """
Written by `simulations/money.py`. Prices are log-normal with the given standard deviation of the logarithm (0: all
alike; 1.5: the dearest tenth pays more than half). Of 100 customers 4 leave, 4 pay 40 % less, 8 pay 40 % more, whatever
they pay. Limits are given where the customers are worth 30 of equal revenue (Kish's effective number, here its median);
`found` is the share of the runs with limits in which these hold the truth, which is to be at least 0.93.
"""


def drawn(rng: Generator, n: int, spread: float, runs: int) -> tuple[Floats, Floats]:
    """What customers paid, and what they pay then; a column a run."""
    price = rng.lognormal(0, spread, (n, runs))
    fate = rng.random((n, runs))
    bounds = np.cumsum([LEAVE, SHRINK, GROW])
    factor = np.array([0.0, 1 - CHANGE, 1 + CHANGE, 1.0])[np.searchsorted(bounds, fate, side="right")]
    return price, price * factor


def cells(runs: int) -> Iterator[list[str]]:
    """One line a figure, spread and number of customers."""
    lost = LEAVE + SHRINK * CHANGE
    for spread in SPREADS:
        for n in SIZES:
            price, after = drawn(np.random.default_rng([n, int(10 * spread)]), n, spread, runs)
            worth = np.median(price.sum(axis=0) ** 2 / (price**2).sum(axis=0))
            sums = (np.full(runs, n), *((price**k).sum(axis=0) for k in (1, 2, 3)))
            found = {
                "GRR": (1 - lost, share_limits(np.minimum(price, after), price, 0.95, single=True)),
                "NRR": (1 - lost + GROW * CHANGE, ratio_limits(after, price, 0.95, single=True)),
                "mean revenue": (np.exp(spread**2 / 2), mean_of_money(sums)[1:]),
            }
            for name, (truth, (lower, upper)) in found.items():
                given = ~np.isnan(lower)
                inside = (lower <= truth) & (truth <= upper)
                rate = f"{inside[given].mean():.3f}" if given.mean() >= 0.01 else "–"
                yield [name, f"{spread:g}", f"{n:,}", f"{worth:.0f}", f"{given.mean():.2f}", rate]


def section(runs: int) -> str:
    """The section as it stands in the file."""
    heads = ("what", "spread", "customers", "effective", "with limits", "found")
    lines = [f"| {' | '.join(heads)} |", "|---|--:|--:|--:|--:|--:|"]
    lines += [f"| {' | '.join(row)} |" for row in cells(runs)]
    return f"{MARK}\n{ABOUT}\n{runs:,} runs a line, {datetime.now(UTC):%Y-%m-%d}.\n\n" + "\n".join(lines) + "\n"


def main() -> None:
    """Simulate and write the section in place of the old one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    options = parser.parse_args()
    text = section(options.runs)
    before = OUT.read_text(encoding="utf-8").partition(MARK)[0].rstrip()
    OUT.write_text(f"{before}\n\n{text}", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
