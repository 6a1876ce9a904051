"""Every share of a page by itself, whichever chapter tells it: which counts could have been told so."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from kbind.estimate.intervals import wilson
from kbind.text.disclosure import Disclosure

from .rules import Told

#: How near told numbers have to be to those that a count would give.
_NEAR = 1e-9


def told_alike(fact: Told, disclosure: Disclosure) -> np.ndarray:
    """Sizes and numerators that are told as this share is.

    Limits are taken for Wilson's; where no count gives them, the share alone has to do.

    Returns
    -------
    ndarray of int, shape (solutions, 2)
    """
    shown = float(fact["n"])
    base = 2 * disclosure.threshold
    sizes = np.arange(max(shown - base, 1), shown + base + 1)
    sizes = sizes[disclosure.rounded(sizes) == shown]
    if not sizes.size:
        return np.empty((0, 2), dtype=int)
    n, count = (part.ravel() for part in np.meshgrid(sizes, np.arange(sizes.max() + 1), indexing="ij"))
    n, count = n[count <= n], count[count <= n]
    known, level = np.nan if fact["count"] is None else count, fact["conf_level"]
    value, *limits, hidden = disclosure.shares(*wilson(count, n, level), n, known, level)
    alike = ~hidden & (np.abs(value - fact["value"]) < _NEAR)
    closer = alike.copy()
    for limit, told in zip(limits, (fact["ci_lower"], fact["ci_upper"]), strict=True):
        closer &= told is not None and np.abs(limit - told) < _NEAR
    best = closer if closer.any() else alike
    return np.column_stack([n[best], count[best]]).astype(int)


def recovered_alone(facts: Iterable[Told], disclosure: Disclosure) -> list[str]:
    """Names of shares that leave one single count of 1 to threshold - 1, of those in them or of the others.

    Examples
    --------
    >>> fact = {"id": "kept", "unit": "share", "value": 0.9, "ci_lower": 0.8256, "ci_upper": 0.9448, "n": 100,
    ...         "count": 90, "conf_level": 0.95, "hidden": False}
    >>> recovered_alone([fact], Disclosure(5))
    []
    """
    found = []
    for fact in facts:
        if fact["unit"] == "share" and not fact["hidden"] and fact["n"] and fact["value"] is not None:
            pairs = told_alike(fact, disclosure)
            parts = set(pairs[:, 1]), set(pairs[:, 0] - pairs[:, 1])
            if any(len(part) == 1 and 0 < min(part) < disclosure.threshold for part in parts):
                found.append(str(fact["id"]))
    return found
