"""What a simulation planted: known only because the data is made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Truth:
    """The truth behind simulated data. Months are numbered from 0, the first one recorded.

    Attributes
    ----------
    scenario : str
        Name of the variant.
    parameters : mapping
        Every planted parameter by name.
    effects : DataFrame
        One row an effect: name, table, column, level, value, scale, meaning; the value is 0 where nothing was planted.
    accounts : DataFrame
        One row a customer: customer_id, segment, persona, six bonding scores (`bond_forced` ...), dominant_bond,
        log_budget, satisfaction (its lasting part), hidden (what nobody recorded), term, plan (the first one),
        shared (knows a second person of ours), start_month, attribute_part and latent_part of the log hazard.
    spells : DataFrame
        One row a spell, first ones before those after coming back: customer_id, spell (1, 2), start_month,
        entry_month (0 if the contract is older than the records), decided_month, left_month (the last month under
        contract; missing if it did not end), cause ("voluntary", "payment", or missing), intended_month, seen_until
        (first month that is not recorded), payment_hazard.
    hazard : array of float32, shape (spells, months)
        Chance of leaving at the end of each month, given still there; also for the months after the customer left,
        had it stayed. NaN before the start.
    covariates : mapping of str to array of float32, shape (spells, months)
        What moves the hazard from month to month, as it stood when the decision was due: satisfaction, exposures
        (1 in the month after the event, then fading), renewal, locked, plan, tenure, campaign (log hazard ratio).
    outcomes : DataFrame
        One row a campaign and eligible customer: customer_id, campaign, month, horizon, arm, propensity (the true
        one), log_hazard_ratio, risk0 and risk1 (chances of leaving within the horizon), y0 and y1 (left within the
        horizon without and with treatment, from the same random numbers), effect = y1 - y0.
    cancellations : DataFrame
        One row a cancellation: customer_id, timestamp, true_reason, stated_reason (before it went missing).
    """

    scenario: str
    parameters: Mapping[str, Any]
    effects: pd.DataFrame
    accounts: pd.DataFrame
    spells: pd.DataFrame
    hazard: NDArray[np.float32]
    covariates: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    outcomes: pd.DataFrame | None = None
    cancellations: pd.DataFrame | None = None

    @property
    def survival(self) -> pd.DataFrame:
        """Every month of every spell from its entry on, made when asked for.

        Returns
        -------
        DataFrame
            Columns customer_id, spell, month, tenure (months so far), at_risk (under contract and recorded), left
            (at the end of this month), hazard, survival (product of 1 - hazard from the entry to the end of the
            month, also after the customer left).
        """
        import pandas as pd

        row, month = np.nonzero(~np.isnan(self.hazard))
        spells = self.spells
        left = spells["left_month"].fillna(np.inf).to_numpy()[row]
        staying = np.where(np.isnan(self.hazard), 0.0, self.hazard.astype(np.float64))
        survival = np.cumprod(1 - staying, axis=1)[row, month]
        recorded = month < spells["seen_until"].to_numpy()[row]
        return pd.DataFrame(
            {
                "customer_id": spells["customer_id"].to_numpy()[row],
                "spell": spells["spell"].to_numpy()[row],
                "month": month.astype(np.int32),
                "tenure": (month - spells["start_month"].to_numpy()[row]).astype(np.int32),
                "at_risk": (month <= left) & recorded,
                "left": (month == left) & recorded,
                "hazard": self.hazard[row, month],
                "survival": survival,
            }
        )

    def __repr__(self) -> str:
        planted = int((self.effects["value"] != 0).sum())
        return f"truth of scenario {self.scenario!r}: {len(self.accounts):,} customers, {planted} planted effects"

    def survival_by_age(self) -> pd.DataFrame:
        """Share of customers still there by age, as planted for those who were at risk: what a curve should find.

        Returns
        -------
        DataFrame
            Columns time (months), survival: the product over ages of 1 - mean chance of leaving, over first spells.
        """
        import pandas as pd

        frame = self.survival
        first = frame[frame["at_risk"] & (frame["spell"] == 1)]
        chance = first.groupby("tenure")["hazard"].mean()
        staying = (1 - chance).cumprod()
        return pd.DataFrame({"time": staying.index.to_numpy() + 1.0, "survival": staying.to_numpy()})
