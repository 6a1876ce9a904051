"""Two ways to form segments: k-means on the coded attributes, and latent classes on the levels themselves."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from kbind.estimates.segments.traits import Coding
from kbind.statistics.groups import Ints
from kbind.statistics.profiles.levels import Floats


class Model(Protocol):
    """Segments that have been formed."""

    def assign(self, x: Floats) -> Ints:
        """Number of the segment of each row."""


class Method(Protocol):
    """A way to form segments."""

    @property
    def name(self) -> str:
        """As in the argument `method`."""

    @property
    def starts(self) -> tuple[int, int]:
        """Starts for the segments themselves, and for each resample: the more luck it takes, the less stable."""

    @property
    def null_resamples(self) -> int:
        """Resamples of a null sample: as many as time allows."""

    def prepare(self, values: Sequence[Floats | Ints]) -> Floats:
        """What it works on; one row a customer."""

    def fit(self, x: Floats, weights: Floats, k: int, starts: int, seed: int) -> Model:
        """Form segments of weighted rows; the best of several starts."""


@dataclass(frozen=True, eq=False)
class _Fitted:
    """A fitted model of either library."""

    model: Any = field(repr=False)

    def assign(self, x: Floats) -> Ints:
        return np.asarray(self.model.predict(x), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class KMeansMethod:
    """k-means on the columns of a coding.

    Attributes
    ----------
    coding : Coding
    """

    coding: Coding
    name: str = "kmeans"
    starts: tuple[int, int] = (10, 3)
    null_resamples: int = 20

    def prepare(self, values: Sequence[Floats | Ints]) -> Floats:
        """The matrix of all columns."""
        return self.coding.matrix(values)

    def fit(self, x: Floats, weights: Floats, k: int, starts: int, seed: int) -> Model:
        """Centres; fewer than k where there are not so many rows."""
        from sklearn.cluster import KMeans

        model = KMeans(min(k, len(x)), n_init=starts, random_state=seed, algorithm="lloyd")
        return _Fitted(model.fit(x, sample_weight=weights))


@dataclass(frozen=True, eq=False)
class LatentClassMethod:
    """Latent classes: levels by their shares, scaled numbers as normal with a mean a class and variance 1.

    Attributes
    ----------
    coding : Coding
    """

    coding: Coding
    name: str = "latent_classes"
    starts: tuple[int, int] = (4, 3)
    null_resamples: int = 5

    def prepare(self, values: Sequence[Floats | Ints]) -> Floats:
        """Numbers, scaled, then 0/1 columns, as many for every trait as the one with most levels has."""
        pairs = list(zip(self.coding.traits, values, strict=True))
        numbers = [trait.columns(found) for trait, found in pairs if not trait.levels]
        every = np.arange(self._most_levels)
        levels = [(np.asarray(found)[:, None] == every).astype(float) for trait, found in pairs if trait.levels]
        return np.hstack([*numbers, *levels])

    @property
    def _most_levels(self) -> int:
        return max((len(trait.levels) for trait in self.coding.traits), default=0)

    def _kinds(self) -> dict[str, dict[str, Any]]:
        """What stepmix has to know of the columns."""
        named = [trait for trait in self.coding.traits if trait.levels]
        kinds: dict[str, dict[str, Any]] = {}
        if len(named) < len(self.coding.traits):
            # a variance for each class collapses onto values that many share, and no two samples agree
            kinds["numbers"] = {"model": "gaussian_unit", "n_columns": len(self.coding.traits) - len(named)}
        if named:
            # codes would be turned into 0/1 columns anew in each of its steps, a quarter of its time
            kinds["levels"] = {
                "model": "categorical",
                "n_columns": len(named) * self._most_levels,
                "integer_codes": False,
                "max_n_outcomes": self._most_levels,
                "total_outcomes": sum(len(trait.levels) for trait in named),
            }
        return kinds

    def fit(self, x: Floats, weights: Floats, k: int, starts: int, seed: int) -> _Fitted:
        """Classes by maximum likelihood."""
        from sklearn.exceptions import ConvergenceWarning

        with warnings.catch_warnings():
            # its documentation has escapes that Python warns of when it reads them for the first time
            warnings.simplefilter("ignore", SyntaxWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            from stepmix import StepMix

        model = StepMix(
            k,
            measurement=self._kinds(),
            n_init=starts,
            random_state=seed,
            abs_tol=1e-5,
            verbose=0,
            progress_bar=0,
        )
        with warnings.catch_warnings():
            # an unfinished start is one of several, and unstable classes show in the resamples
            warnings.simplefilter("ignore", ConvergenceWarning)
            return _Fitted(model.fit(x, sample_weight=weights))

    def bic(self, x: Floats, weights: Floats, k: int, starts: int, seed: int) -> float:
        """Bayesian information criterion of k classes; lower is better."""
        model = self.fit(x, weights, k, starts, seed).model
        n = weights.sum()
        # StepMix.bic knows no weights
        return float(model.n_parameters * np.log(n) - 2 * n * model.score(x, sample_weight=weights))
