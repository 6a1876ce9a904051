"""Movements of recurring revenue as facts."""

from __future__ import annotations

from kbind.revenue.revenue_retention import RevenueRetention
from kbind.text.facts import Fact

#: What happens to revenue, above the line and below.
GAINS, LOSSES = ("new", "reactivation", "expansion"), ("contraction", "churn")


def shown_windows(result: RevenueRetention) -> int:
    """Windows of a figure: without a last one that lacks the contracts which begin at its end."""
    return result.movements.calendar.lived - result.movements.lacking


def movements(result: RevenueRetention) -> dict[str, list[Fact]]:
    """Revenue that moved, by kind and window, of all customers together."""
    frame, counts = result.to_frame().iloc[: shown_windows(result)], result.movements.counts
    source = f"revenue_retention(data, period={result.movements.calendar.period!r}).to_frame()"
    return {
        kind: [
            Fact(f"revenue.{kind}.{label}", float(amount), "money", f"monthly revenue of {kind}", count=int(count),
                 source=source)
            for label, amount, count in zip(frame["period"], frame[kind], counts[kind][0], strict=False)
        ]
        for kind in (*GAINS, *LOSSES)
    }  # fmt: skip
