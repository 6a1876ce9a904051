"""Segments of the customers who left: formed, judged, described."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from kbind.customers.leaks import Leak, leaks_in
from kbind.customers.roster import Roster, roster
from kbind.dataset.dataset import Dataset
from kbind.dataset.opening import dataset_of
from kbind.errors import NotEnoughData, check_count, check_rng
from kbind.estimate.threads import threads_for
from kbind.segments.profile import SegmentProfile
from kbind.segments.segmentation import Assignment, Segmentation
from kbind.segments.stability import form
from kbind.segments.traits import learn_coding
from kbind.segments.verdict import Effort, Report, judge

__all__ = ["Assignment", "SegmentProfile", "Segmentation", "segment_churned"]

#: With fewer customers who left, no segments are looked for.
LEAST_CHURNED = 100
#: Level of the intervals of profiles.
CONF_LEVEL = 0.95


def segment_churned(
    data: Dataset | Any,
    *,
    k: int | None = None,
    attributes: str | Sequence[str] | None = None,
    outcome: str = "churned",
    resamples: int = 100,
    null_samples: int = 99,
    rng: int | np.random.Generator = 0,
) -> Segmentation:
    """Whether customers who left fall into groups, into which, and whether these hold up.

    Parameters
    ----------
    data : Dataset or data frame
        As for `contrast`.
    k : int, optional
        Number of segments, 2 to 20. Default: the largest of 2 to 8 that meets the rule in the notes.
    attributes : str or sequence of str, optional
        Columns of `customers`. Default: all but identifiers, times and the outcome.
    outcome : str
        Who has left; as for `contrast`.
    resamples : int
        Bootstrap samples for every number of segments, from 20.
    null_samples : int
        Samples without groups that the stability is compared with, from 19.
    rng : int or numpy.random.Generator
        Source of randomness. The same number gives the same segments.

    Returns
    -------
    Segmentation

    Raises
    ------
    ArgumentError
        No such column, unreadable outcomes, or fewer than 100 customers who left.

    References
    ----------
    Hennig (2007), Computational Statistics & Data Analysis 52, 258-271; Cario and Nelson (1997), Modeling and
    generating random vectors with arbitrary marginal distributions and correlation matrix; Besag and Clifford (1991),
    Biometrika 78, 301-304.

    Notes
    -----
    Numbers are scaled to variance 1 (skewed positive ones by their logarithm), levels are 0/1 and only centred. Levels
    that mean "does not apply" count as no. Columns that repeat another one or the product of two are left out.

    The rule: every segment comes back in bootstrap samples with a mean Jaccard overlap of at least .75, and holds at
    least 5 % of the customers. Stable segments can be had from data without any groups, so the verdict is "groups"
    only if they are more stable than those of a Gaussian copula with the same margins and correlations (5 % level);
    else it is "a useful partition of a continuum". It is "no stable segments" if no number meets the rule, or if
    attributes have no more to do with each other than shuffled columns (5 % level): a cut through one of two unrelated
    attributes is stable, and means nothing.

    Examples
    --------
    >>> import kbind as kb, numpy as np, pandas as pd
    >>> random = np.random.default_rng(0).integers(0, 3, (500, 4))
    >>> people = pd.DataFrame(random, columns=["size", "channel", "region", "plan"]).astype(str)
    >>> people = people.assign(customer_id=people.index, gone=people.index % 2 == 0)
    >>> world = kb.open_dataset({"customers": people}, roles={"churned": "gone"})
    >>> found = kb.segment_churned(world, resamples=20)
    >>> found.verdict, found.k
    ('no stable segments', 1)
    """
    seed = int(check_rng(rng).integers(2**63 - 1))
    if k is not None:
        check_count("k", k, 2, 20)
    check_count("resamples", resamples, 20, 100_000)
    check_count("null_samples", null_samples, 19, 100_000)
    data = dataset_of(data, outcome)
    people = roster(data, outcome, attributes=attributes)
    if attributes is None:
        people = _without(people, leaks_in(data, outcome))
    left = people.take(np.flatnonzero(people.left))
    if len(left) < LEAST_CHURNED:
        raise NotEnoughData(
            f"too few churned {people.provenance.customer}s to look for segments: {len(left):,}; needed: "
            f"{LEAST_CHURNED} or more"
        )
    coding = learn_coding(left)
    effort = Effort(int(resamples), int(null_samples))
    values = coding.read(left.columns)
    with _reporting() as report, threads_for(len(left)):
        found = judge(coding, values, k, effort, np.random.default_rng([seed, 1]), report)
    formed = form(coding, left.columns, found.k, seed)
    return Segmentation(
        k=found.k,
        verdict=found.verdict,
        judgement=found,
        formed=formed,
        effort=effort,
        conf_level=CONF_LEVEL,
        roster=people,
        segment=formed.assign(left.columns) + 1,
        asked=k is not None,
    )


def _without(people: Roster, leaks: Sequence[Leak]) -> Roster:
    """Customers without the columns that are proven to know who has left."""
    names = {leak.column for leak in leaks}
    columns = {name: values for name, values in people.columns.items() if name not in names}
    if not names & set(people.columns) or not columns:
        return people
    told = (f"Left out, because it knows the outcome: {leak.column} ({leak.reason})." for leak in leaks)
    return replace(
        people,
        columns=columns,
        structural=tuple(found for found in people.structural if found.attribute in columns),
        same={name: first for name, first in people.same.items() if {name, first} <= set(columns)},
        notes=(*people.notes, *told),
    )


@contextmanager
def _reporting() -> Iterator[Report]:
    """A line of progress on the error stream, gone when it is done; in a terminal only."""
    import sys

    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import Progress, TaskID

    console = Console(stderr=True)
    # in a file, only how it ended
    with Progress(console=console, transient=console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done)

        yield report
