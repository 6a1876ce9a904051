"""Segments of the customers who left, and what they are worth."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from kbind.customers.levels import MISSING
from kbind.customers.roster import Roster, read_columns
from kbind.dataset.dataset import Dataset
from kbind.dataset.opening import open_dataset
from kbind.dataset.provenance import Provenance
from kbind.dataset.truth import Truth
from kbind.errors import ArgumentError, listed
from kbind.result import Shown
from kbind.segments.profile import SegmentProfile, profile_segments
from kbind.segments.stability import LEAST_JACCARD, LEAST_SHARE, STARTS_AGAIN, Formed
from kbind.segments.traits import Coding
from kbind.segments.verdict import LEVEL, NULL_RESAMPLES, Effort, Judgement
from kbind.typing import Ints

#: Limits of the interval over resamples.
_LIMITS = (0.025, 0.975)


@dataclass(frozen=True, eq=False)
class Segmentation(Shown):
    """Segments of the customers who left. Made by `segment_churned`.

    Attributes
    ----------
    k : int
        Segments; 1 if none are stable and no number was asked for.
    verdict : {"groups", "a useful partition of a continuum", "no stable segments"}
    judgement : Judgement
        What the verdict rests on.
    formed : Formed
        The segments, ready to take other customers.
    effort : Effort
        Resamples and null samples.
    conf_level : float
        Level of the intervals of profiles.
    roster : Roster
        All customers.
    segment : ndarray of int, shape (churned,)
        Number of the segment of each customer who left, from 1, the largest first.
    asked : bool
        Whether the number of segments was given.
    """

    k: int
    verdict: str
    judgement: Judgement = field(repr=False)
    formed: Formed = field(repr=False)
    effort: Effort
    conf_level: float
    roster: Roster = field(repr=False)
    segment: Ints = field(repr=False)
    asked: bool

    @property
    def coding(self) -> Coding:
        """How attributes were made comparable."""
        return self.formed.coding

    @property
    def n(self) -> int:
        """Customers who left, of whom segments were formed."""
        return len(self.segment)

    @property
    def definition(self) -> str:
        """How segments were formed and judged, in a few sentences."""
        chosen = "as asked" if self.asked else "the largest number that meets the rule"
        return (
            f"Segments of the {self.n:,} of {len(self.roster):,} {self.roster.provenance.customer}s who left, by "
            f"k-means on {len(self.coding.attributes)} attributes (numbers scaled to variance 1, levels "
            f"as 0/1): {self.k}, {chosen}. Rule: in {self.effort.resamples} bootstrap samples every segment comes back "
            f"with a mean Jaccard overlap of at least {LEAST_JACCARD}, and holds at least {LEAST_SHARE:.0%}. ARI: "
            "adjusted Rand index of the segments and those of a bootstrap sample, mean and middle 95 % of the samples "
            f"(the best of {STARTS_AGAIN} starts each). Verdict: {self.verdict}. "
            f"{self._reason} {self.roster.meaning} {self.roster.provenance}"
        )

    @property
    def _reason(self) -> str:
        found = self.judgement
        if found.null is not None:
            return (
                f"The ARI is {found.null.ari:.3f}; {len(found.null.null)} samples of a Gaussian copula with the same "
                f"margins and correlations, but no groups ({NULL_RESAMPLES} resamples each), reach "
                f"{found.null.mean:.3f} on average and {found.null.percentile:.3f} at their 95th percentile "
                f"(p = {found.null.p_value:.2f})."
            )
        if found.association > LEVEL:
            return (
                "The attributes have no more to do with each other than shuffled ones (p = "
                f"{found.association:.2f}): any segments would be cuts through single attributes."
            )
        return "No number of segments that was tried meets the rule."

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing: recoded, left out, missing."""
        found = [*self.roster.notes, *self.coding.notes]
        tenure = self.roster.tenure
        if tenure in self.coding.attributes:
            found.append(
                f"{tenure} is one of the attributes: {self.roster.provenance.customer}s who are still there move on as "
                "it grows. Name attributes=[...] without it for types that last."
            )
        silent = self._silent()
        if silent:
            found.append(f"Of {silent:,} of the {self.n:,} nothing is known but that they left.")
        return tuple(found)

    def to_frame(self) -> pd.DataFrame:
        """One row a number of segments that was looked at.

        Returns
        -------
        DataFrame
            Columns k, chosen, ari, ari_ci_lower, ari_ci_upper (middle 95 % of the resamples), jaccard_min (of the
            segment that comes back worst), smallest_share, meets_rule.
        """
        rows = [
            (s.k, s.k == self.k, s.ari.mean(), *np.quantile(s.ari, _LIMITS), s.least_jaccard, s.smallest, s.passes)
            for s in self.judgement.stabilities
        ]
        names = ["k", "chosen", "ari", "ari_ci_lower", "ari_ci_upper", "jaccard_min", "smallest_share", "meets_rule"]
        return pd.DataFrame(rows, columns=names)

    def segments(self) -> pd.DataFrame:
        """How well each segment comes back, for every number that was looked at.

        Returns
        -------
        DataFrame
            Columns k, segment, n, share, jaccard, jaccard_ci_lower, jaccard_ci_upper (middle 95 % of the resamples).
        """
        rows = []
        for found in self.judgement.stabilities:
            lower, upper = np.quantile(found.jaccard, _LIMITS, axis=0)
            for number, size in enumerate(found.sizes):
                mean = found.jaccard[:, number].mean()
                rows.append((found.k, number + 1, int(size), size / self.n, mean, lower[number], upper[number]))
        names = ["k", "segment", "n", "share", "jaccard", "jaccard_ci_lower", "jaccard_ci_upper"]
        return pd.DataFrame(rows, columns=names)

    def assign(self, new_data: Dataset | pd.DataFrame) -> Assignment:
        """Into which segment other customers would fall.

        Parameters
        ----------
        new_data : Dataset or DataFrame
            Customers with the columns that segments were formed of. Without `customer_id`, rows are numbered from 1.

        Returns
        -------
        Assignment

        Raises
        ------
        ArgumentError
            A column is missing, or holds words where it held numbers.
        """
        data = new_data if isinstance(new_data, Dataset) else _opened(new_data)
        ids, columns = read_columns(data, self.coding.attributes, self.coding.numeric)
        unknown = self.coding.unknown(columns)
        return Assignment(
            ids, self.formed.assign(columns) + 1, unknown, self.roster.provenance.customer,
            Provenance.of(data, data.as_of), self.k,
        )  # fmt: skip

    def compare(self, groups: Truth | pd.Series[Any]) -> pd.DataFrame:
        """Segments that were found against groups that are known, such as those planted in a made-up company.

        Parameters
        ----------
        groups : Truth or Series
            `truth` of a simulated data set: its hidden segments. Or a name for each customer, by `customer_id`.

        Returns
        -------
        DataFrame
            Customers who left: one row a segment that was found, one column a group. Each customer is where segments
            formed without them put them, as in `profile`.

        Raises
        ------
        ArgumentError
            Neither truth nor a series by customer, or one that knows none of the customers who left.

        Examples
        --------
        >>> import kbind as kb, numpy as np, pandas as pd
        >>> kind = np.arange(400) % 4 // 2
        >>> people = pd.DataFrame({"customer_id": range(400), "size": np.where(kind, "large", "small"), "gone": "yes"})
        >>> people = people.assign(channel=np.where(kind, "web", "shop"), age=40 + 20 * kind + np.arange(400) % 3)
        >>> found = kb.segment_churned(people, outcome="gone", k=2, resamples=20, null_samples=19)
        >>> found.compare(people.set_index("customer_id")["size"]).to_dict("index")
        {1: {'large': 200, 'small': 0}, 2: {'large': 0, 'small': 200}}
        """
        known = _known_groups(groups)
        left = self.roster.left
        group = known.reindex(self.roster.customer_id[left])
        if group.isna().all():
            raise ArgumentError("groups knows none of the customers who left; allowed: names by customer_id")
        segment = pd.Series(self.profile().segment[left] + 1, index=group.index, name="segment")
        return pd.crosstab(segment, group.astype("object").where(group.notna(), MISSING).rename("group"))

    def profile(self) -> SegmentProfile:
        """What the segments are like, seen on customers who were not used to form them.

        Returns
        -------
        SegmentProfile
        """
        return self._profile

    @cached_property
    def _profile(self) -> SegmentProfile:
        return profile_segments(self.formed, self.roster, self.verdict, self.conf_level)

    def _silent(self) -> int:
        """Customers who left of whom no attribute is known."""
        columns = self.roster.take(np.flatnonzero(self.roster.left)).columns
        blank = np.ones(self.n, dtype=bool)
        for name in self.coding.attributes:
            values = columns[name]
            blank &= np.isnan(values) if isinstance(values, np.ndarray) else values.codes < 0
        return int(blank.sum())


@dataclass(frozen=True, eq=False)
class Assignment(Shown):
    """Into which segment customers fall. Made by `Segmentation.assign`.

    Attributes
    ----------
    customer_id : ndarray, shape (customers,)
    segment : ndarray of int, shape (customers,)
        From 1.
    unknown : dict of str to ndarray of bool
        By attribute: whose value is missing, or did not occur where segments were formed.
    k : int
        Segments there are.
    """

    customer_id: np.ndarray[tuple[int], np.dtype[np.object_]] = field(repr=False)
    segment: Ints = field(repr=False)
    unknown: dict[str, np.ndarray[tuple[int], np.dtype[np.bool_]]] = field(repr=False)
    customer: str
    provenance: Provenance
    k: int

    @property
    def definition(self) -> str:
        """What was done."""
        return (
            f"{len(self.segment):,} {self.customer}s, each in the segment of churned {self.customer}s it is most like, "
            f"of {self.k}. That somebody falls in a segment does not say that they will leave. {self.provenance}"
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """Values that are missing or did not occur before; they count as the usual one."""
        found = {name: int(who.sum()) for name, who in self.unknown.items() if who.any()}
        if not found:
            return ()
        named = listed(f"{name} ({n:,})" for name, n in found.items())
        return (
            f"Missing, or not seen where segments were formed, and so taken for the most frequent level or the median: "
            f"{named}.",
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a customer.

        Returns
        -------
        DataFrame
            Columns customer_id, segment, unknown (attributes that count as the usual value).
        """
        told: list[list[str]] = [[] for _ in self.segment]
        for name, who in self.unknown.items():
            for row in np.flatnonzero(who):
                told[row].append(name)
        return pd.DataFrame(
            {
                "customer_id": list(self.customer_id),
                "segment": self.segment,
                "unknown": [", ".join(names) for names in told],
            }
        )


def _known_groups(groups: object) -> pd.Series[Any]:
    """The group of each customer, by id."""
    if isinstance(groups, Truth):
        return groups.accounts.set_index("customer_id")["segment"]
    if not isinstance(groups, pd.Series):
        raise ArgumentError(
            f"groups of type {type(groups).__name__} is not possible; allowed: data.truth, a Series by customer_id"
        )
    if not groups.index.is_unique:
        raise ArgumentError("groups names a customer twice; allowed: one group a customer")
    return groups


def _opened(frame: object) -> Dataset:
    if not isinstance(frame, pd.DataFrame):
        raise ArgumentError(f"new_data of type {type(frame).__name__} is not possible; allowed: a Dataset, a DataFrame")
    if "customer_id" not in frame:
        frame = frame.assign(customer_id=np.arange(1, len(frame) + 1))
    return open_dataset({"customers": frame})
