"""All campaigns of a data set, each with its verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kbind.dataset.dataset import Dataset
from kbind.dataset.provenance import Provenance
from kbind.errors import NotEnoughData
from kbind.estimate.intervals import interval_columns
from kbind.experiments.effect import Effect
from kbind.experiments.measure import measure_effect
from kbind.result import Shown

if TYPE_CHECKING:
    import pandas as pd

#: Campaigns that are judged: those with most rows.
MOST = 8
#: Days over which customers have to stay: with contracts, which end late, and where they buy again or not.
UNDER_CONTRACT, BUYING = "182D", "60D"


@dataclass(frozen=True, eq=False)
class Verdicts(Shown):
    """Campaigns with their verdicts. Made by `judge_campaigns`.

    Attributes
    ----------
    effects : tuple of Effect
        Of those that could be judged, the one with most customers first.
    waiting : dict of str to str
        Of the others, why not.
    left_out : int
        Further campaigns, which reached fewer.
    provenance : Provenance
    """

    effects: tuple[Effect, ...] = field(repr=False)
    waiting: dict[str, str]
    left_out: int
    provenance: Provenance = field(repr=False)

    @property
    def definition(self) -> str:
        """Which campaigns, and by which rule each was judged."""
        return (
            f"The {MOST} campaigns with most rows, each by itself: share retained at the horizon, treated less others, "
            "as they are where a lot decided, else doubly robust against comparable others, with a placebo before. "
            f"{self.provenance}"
        )

    def headline(self) -> str:
        """How many there are, and of how many an effect is shown."""
        return f"{sum(one.verdict == 'shown' for one in self.effects)} of {len(self.effects)} campaigns shown"

    def to_frame(self) -> pd.DataFrame:
        """One row a campaign.

        Returns
        -------
        DataFrame
            campaign, verdict, randomised, naive, difference (each with _ci_lower and _ci_upper), treated, n, reasons.
        """
        import pandas as pd

        rows = [
            {"campaign": one.campaign, "verdict": one.verdict, "randomised": one.randomised}
            | interval_columns("naive", one.naive)
            | interval_columns("difference", one.adjusted)
            | {"treated": int(one.assigned.treated.sum()), "n": sum(one.n.values())}
            | {"reasons": ", ".join(reason.code for reason in one.reasons)}
            for one in self.effects
        ]
        return pd.DataFrame(rows)


def judge_campaigns(data: Dataset) -> Verdicts:
    """Whether each campaign of a data set worked.

    Parameters
    ----------
    data : Dataset
        With `campaigns`, and contracts or events.

    Returns
    -------
    Verdicts

    Raises
    ------
    NotEnoughData
        There are no campaigns with dates.

    Examples
    --------
    >>> import kbind as kb
    >>> judge_campaigns(kb.datasets.load_saas()).to_frame()[["campaign", "verdict"]].values.tolist()
    [['save_call', 'shown'], ['loyalty_offer', 'shown']]
    """
    data.require("campaigns")
    if not data.has("campaigns.assigned_at"):
        raise NotEnoughData(f"campaigns of {data.name!r} has no column 'assigned_at'; name it in kbind.yaml")
    names = _largest(data)
    horizon = UNDER_CONTRACT if data.has("subscriptions") else BUYING
    effects, waiting = [], {}
    for name in names[:MOST]:
        try:
            effects.append(measure_effect(data, name, horizon=horizon))
        except NotEnoughData as error:
            waiting[name] = str(error)
    return Verdicts(tuple(effects), waiting, len(names[MOST:]), Provenance.of(data, data.as_of))


def _largest(data: Dataset) -> list[str]:
    """Names of the campaigns that began before the end of the data, those with most rows first."""
    found = data.engine.query(
        "SELECT trim(CAST(campaign AS VARCHAR)) AS c, count(DISTINCT customer_id) AS n FROM t WHERE _when < _as_of "
        "GROUP BY c ORDER BY n DESC, c",
        tables={"t": "campaigns"},
        parts={"when": data.wall_time("campaigns", "assigned_at"), "as_of": data.end_at(None)},
    )
    return [name for name in found.column("c").to_pylist() if name]
