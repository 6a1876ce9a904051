"""One run each of what is claimed of churned against retained customers."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.random import Generator

import kbind as kb
from kbind.reasons.by_type import association


def false_finding(rng: Generator, n: int, kind: str) -> tuple[bool, ...]:
    """Whether one of the findings, picked at random, is false: happens as often as their expected share.

    Eight attributes without effect, of two to four levels. With "some", three that have one; with "confounded", one
    cause that is adjusted for, and in all the others the cause shows through.
    """
    cause = rng.integers(0, 2, n)
    frame = {f"null{k}": rng.integers(0, 2 + k % 3, n).astype(str) for k in range(8)}
    odds, adjust = np.full(n, -1.0), None
    if kind == "some":
        for k in range(3):
            real = rng.integers(0, 2, n)
            frame[f"real{k}"] = real.astype(str)
            odds += 0.6 * real
    elif kind == "confounded":
        adjust = ["cause"]
        frame = {name: np.where(rng.random(n) < 0.3, cause.astype(str), values) for name, values in frame.items()}
        odds += 1.2 * cause
        real = rng.integers(0, 2, n)
        odds += 0.6 * real
        frame |= {"cause": cause.astype(str), "real": real.astype(str)}
    result = kb.contrast(_data(frame, rng.random(n) < 1 / (1 + np.exp(-odds))), adjust=adjust)
    # two rows of an attribute with two levels are one finding
    names = sorted({c.attribute + ("" if c.two else c.level)
                    for c, q in zip(result.comparisons, result.q_values, strict=True) if q <= result.fdr})  # fmt: skip
    return (bool(names) and str(rng.choice(names)).startswith("null"),)


def covered(rng: Generator, n: int) -> tuple[bool, ...]:
    """Adjusted odds ratios given a group and a number, the raw odds ratio and risk difference of a third attribute."""
    group, size = rng.integers(0, 3, n), rng.normal(size=n)
    level = (rng.random(n) < np.array([0.3, 0.5, 0.7])[group]).astype(int)
    noisy = (size + rng.normal(size=n) > 0.5).astype(int)
    odds = -1.2 + 0.7 * level - 0.5 * noisy + 0.4 * group + 0.5 * size
    frame = {"level": level.astype(str), "noisy": noisy.astype(str), "group": group.astype(str), "size": size}
    data = _data(frame, rng.random(n) < 1 / (1 + np.exp(-odds)))
    held = ["level", "noisy", "group", "size"]
    both = kb.contrast(data, attributes=["level", "noisy"], adjust=held).to_frame()
    arm = rng.integers(0, 2, n)
    raw = kb.contrast(
        _data({"arm": arm.astype(str)}, rng.random(n) < np.where(arm == 1, 0.3, 0.2)), adjust=()
    ).to_frame()
    return (
        _holds(both, "level", "odds_ratio_adjusted", np.exp(0.7)),
        _holds(both, "noisy", "odds_ratio_adjusted", np.exp(-0.5)),
        _holds(raw, "arm", "odds_ratio", 0.3 * 0.8 / (0.7 * 0.2)),
        _holds(raw, "arm", "risk_difference", 0.1),
    )


def covered_rates(rng: Generator, n: int) -> tuple[bool, ...]:
    """Rate ratios of customers who came at different times; some came earlier because of what is adjusted for."""
    group = rng.integers(0, 2, n)
    level = (rng.random(n) < np.where(group == 1, 0.6, 0.3)).astype(int)
    plain = rng.integers(0, 2, n)
    watched = rng.uniform(2, 12, n) * np.where(group == 1, 3, 1)
    stay = rng.exponential(1 / (0.02 * np.exp(0.5 * level + 0.6 * group)))
    other = rng.exponential(1 / (0.03 * np.exp(0.4 * plain)))
    frame = {"level": level.astype(str), "group": group.astype(str), "time": np.minimum(stay, watched)}
    data = _data(frame, stay < watched)
    adjusted = kb.contrast(data, attributes="level", adjust="group", exposure="time").to_frame()
    frame = {"plain": plain.astype(str), "time": np.minimum(other, watched)}
    raw = kb.contrast(_data(frame, other < watched), attributes="plain", exposure="time", adjust=()).to_frame()
    return (
        _holds(raw, "plain", "rate_ratio", np.exp(0.4)),
        _holds(adjusted, "level", "rate_ratio_adjusted", np.exp(0.5)),
    )


def together(rng: Generator, n: int) -> tuple[bool, ...]:
    """Cramér's V of a table whose true one is known."""
    rows, columns = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.3, 0.2, 0.1])
    tilt = 0.05 * np.outer([1, -0.5, -0.5], [1, -1, 0, 0])
    share = np.outer(rows, columns)
    true = np.sqrt((tilt**2 / share).sum() / 2)
    table = rng.multinomial(n, (share + tilt).ravel()).reshape(share.shape)
    found = association(table, 0.95, rng).cramers_v
    return (bool(found.ci_lower <= true <= found.ci_upper),)


def _data(frame: dict[str, np.ndarray], left: np.ndarray) -> kb.Dataset:
    people = pd.DataFrame({"customer_id": np.arange(len(left)), **frame, "churned": left})
    return kb.open_dataset({"customers": people}, roles={"churned": "churned"})


def _holds(frame: pd.DataFrame, attribute: str, name: str, truth: float) -> bool:
    """Whether the interval of level 1 holds the truth."""
    row = frame[(frame["attribute"] == attribute) & (frame["level"] == "1")].iloc[0]
    return bool(row[f"{name}_ci_lower"] <= truth <= row[f"{name}_ci_upper"])
