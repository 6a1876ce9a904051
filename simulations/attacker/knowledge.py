"""What somebody knows of whole numbers that are not told: bounds, sums, and which of them follow from all the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

#: More than any count of customers here.
MANY = 1e5
#: What the solver calls the end of its time.
_OUT_OF_TIME = 1
_ROUNDS, _SAMPLES, _SECONDS, _NEAR, _ROUGHLY = 60, 8, 20.0, 1e-6, 0.5


@dataclass
class Knowledge:
    """Counts by name, what is known of each and of their sums.

    Examples
    --------
    >>> known = Knowledge()
    >>> for name, low, high in (("all", 20, 20), ("left", 1, 4), ("stayed", 18, 18)):
    ...     known.count(name, low, high)
    >>> known.sum("all", ["left", "stayed"])
    >>> known.recovered({"all": 20, "left": 2, "stayed": 18}, threshold=5)
    ['left']
    """

    names: dict[str, int] = field(default_factory=dict)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    rows: list[tuple[dict[int, float], float, float]] = field(default_factory=list)
    #: Counts of which time did not suffice to say whether they can be computed back.
    undecided: list[str] = field(default_factory=list)

    def count(self, name: str, low: float = 0, high: float = MANY) -> None:
        """A count of customers lies between two limits; what was known of it before still holds."""
        if name not in self.names:
            self.names[name] = len(self.low)
            self.low.append(0.0)
            self.high.append(MANY)
        place = self.names[name]
        self.low[place], self.high[place] = max(self.low[place], low), min(self.high[place], high)

    def linear(self, terms: Mapping[str, float], low: float = 0.0, high: float = 0.0) -> None:
        """Counts times numbers, added up, lie between two limits; as an equation they are nothing."""
        for name in terms:
            self.count(name)
        self.rows.append(({self.names[name]: factor for name, factor in terms.items() if factor}, low, high))

    def sum(self, whole: str, parts: Iterable[str]) -> None:
        """A count is the sum of others."""
        terms = {whole: -1.0}
        for part in parts:
            terms[part] = terms.get(part, 0.0) + 1.0
        self.linear(terms)

    def at_most(self, smaller: str, larger: str) -> None:
        """A count is part of another."""
        self.linear({larger: 1.0, smaller: -1.0}, 0.0, np.inf)

    def either(self, name: str, small: tuple[float, float], large: tuple[float, float]) -> None:
        """A count lies between one pair of limits or another, which is larger."""
        switch = f"either.{len(self.low)}"
        self.count(switch, 0, 1)
        self.count(name, small[0], large[1])
        # the switch moves from one pair of limits to the other
        self.linear({name: 1, switch: small[0] - large[0]}, small[0], np.inf)
        self.linear({name: 1, switch: small[1] - large[1]}, -np.inf, small[1])

    # -- what follows --------------------------------------------------------------------------------

    def fits(self, truth: Mapping[str, int]) -> list[str]:
        """What of the truth contradicts the knowledge: nothing, unless somebody thought wrongly."""
        wrong = [
            f"{name} = {truth[name]} is not in {self.low[place]:g} to {self.high[place]:g}"
            for name, place in self.names.items()
            if name in truth and not self.low[place] <= truth[name] <= self.high[place]
        ]
        names = list(self.names)
        for terms, low, high in self.rows:
            if all(names[place] in truth for place in terms):
                total = sum(factor * truth[names[place]] for place, factor in terms.items())
                if not low - _NEAR <= total <= high + _NEAR:
                    sides = {names[place]: (factor, truth[names[place]]) for place, factor in terms.items()}
                    wrong.append(f"{sides} = {total:g} is not in {low:g} to {high:g}")
        return wrong

    def recovered(self, truth: Mapping[str, int], threshold: int) -> list[str]:
        """Counts from 1 to threshold - 1 that can be nothing but what they are.

        Parameters
        ----------
        truth : mapping of str to int
            True counts: what is not among them is not looked for. They are one solution, so a count is recovered
            if there is no other in which it differs.
        threshold : int
        """
        sought = [name for name in self.names if 0 < truth.get(name, 0) < threshold]
        if not sought:
            return []
        solver = _Solver(self)
        values = {name: (self.names[name], truth[name]) for name in sought}
        open_ones = {name: pair for name, pair in values.items() if not solver.fixed(pair[0])}
        found = [name for name in sought if name not in open_ones]
        rng = np.random.default_rng(0)
        for _ in range(_SAMPLES):
            if not open_ones:
                return found
            signs = {place: rng.choice((-1.0, 1.0)) for place, _ in open_ones.values()}
            point = solver.least(signs, _ROUGHLY)
            if point is None:
                continue
            open_ones = {name: pair for name, pair in open_ones.items() if round(point[pair[0]]) == pair[1]}
        while open_ones:
            name, (place, value) = open_ones.popitem()
            differs = False
            for sign in (1.0, -1.0):
                point = solver.least({place: sign})
                if point is None:
                    differs = True
                    self.undecided.append(name)
                    break
                differs |= round(point[place]) != value
                open_ones = {other: pair for other, pair in open_ones.items() if round(point[pair[0]]) == pair[1]}
                if differs:
                    break
            if not differs:
                found.append(name)
                solver.fix(place, value)
                found += [other for other, pair in open_ones.items() if solver.fixed(pair[0])]
                open_ones = {other: pair for other, pair in open_ones.items() if other not in found}
        return [name for name in sought if name in found]


class _Solver:
    """Integer programs over one body of knowledge, whose bounds have been drawn as close as each sum alone allows."""

    def __init__(self, known: Knowledge) -> None:
        entries = [(row, place, factor) for row, (terms, *_) in enumerate(known.rows)
                   for place, factor in terms.items()]  # fmt: skip
        self.row, self.place, self.factor = (np.array(part) for part in zip(*entries, strict=True))
        self.size = len(known.low)
        self.low, self.high = np.array(known.low), np.array(known.high)
        self.least_of = np.array([low for _, low, _ in known.rows])
        self.most_of = np.array([high for *_, high in known.rows])
        self.matrix = csr_array((self.factor, (self.row, self.place)), shape=(len(self.least_of), self.size))
        self._tighten()

    def fixed(self, place: int) -> bool:
        """Whether only one value is left."""
        return bool(self.high[place] - self.low[place] < 0.5)

    def fix(self, place: int, value: int) -> None:
        """Use that a count is known by now."""
        self.low[place] = self.high[place] = value
        self._tighten()

    def _tighten(self) -> None:
        up = self.factor > 0
        for _ in range(_ROUNDS):
            before = self.low.copy(), self.high.copy()
            smallest = self.factor * np.where(up, self.low[self.place], self.high[self.place])
            largest = self.factor * np.where(up, self.high[self.place], self.low[self.place])
            lows, highs = (np.bincount(self.row, part, len(self.least_of)) for part in (smallest, largest))
            most = (self.most_of[self.row] - (lows[self.row] - smallest)) / self.factor
            least = (self.least_of[self.row] - (highs[self.row] - largest)) / self.factor
            np.minimum.at(self.high, self.place, np.floor(np.where(up, most, least) + _NEAR))
            np.maximum.at(self.low, self.place, np.ceil(np.where(up, least, most) - _NEAR))
            if np.array_equal(before[0], self.low) and np.array_equal(before[1], self.high):
                return

    def least(self, objective: Mapping[int, float], gap: float = 0.0) -> np.ndarray | None:
        """A point at which a sum is as small as it can be, or nearly so; None where no time was left to find one."""
        goal = np.zeros(self.size)
        for place, sign in objective.items():
            goal[place] = sign
        for seconds in (_SECONDS, 10 * _SECONDS):
            found = milp(
                goal,
                integrality=np.ones(self.size),
                bounds=Bounds(self.low, self.high),
                constraints=LinearConstraint(self.matrix, self.least_of, self.most_of),
                options={"time_limit": seconds, "mip_rel_gap": gap},
            )
            if found.x is not None:
                return np.asarray(found.x)
            if found.status != _OUT_OF_TIME:
                raise ArithmeticError(f"no solution: {found.message}")
        return None
