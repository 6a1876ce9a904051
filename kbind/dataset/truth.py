"""What a simulation planted: known only because the data is made up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Truth:
    """The truth behind simulated data. Months are numbered from 0, the first one recorded.

    Attributes
    ----------
    scenario : str
        Name of the variant.
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
    months : DataFrame
        One row a month of a spell, from its entry on, also after the customer left: customer_id, spell, month, tenure
        (months so far), at_risk (under contract and recorded), left (at the end of this month), hazard (chance of
        leaving then, given still there).
    outcomes : DataFrame
        One row a campaign and eligible customer: customer_id, campaign, month, horizon, arm, propensity (the true
        one), log_hazard_ratio, risk0 and risk1 (chances of leaving within the horizon), y0 and y1 (left within the
        horizon without and with treatment, from the same random numbers), effect = y1 - y0.
    cancellations : DataFrame
        One row a cancellation: customer_id, timestamp, true_reason, stated_reason (before it went missing).
    later : DataFrame or None
        Many other customers of such a company at a later date, as `snapshots` shows them, with `target`, which says
        whether they left: how good a model is that learned from the company itself. None where nobody made them.
    """

    scenario: str
    effects: pd.DataFrame
    accounts: pd.DataFrame
    spells: pd.DataFrame
    months: pd.DataFrame
    outcomes: pd.DataFrame
    cancellations: pd.DataFrame
    later: pd.DataFrame | None = None

    @property
    def survival(self) -> pd.DataFrame:
        """`months` with the chance to be there still: survival, the product of 1 - hazard up to the end of the month.

        Returns
        -------
        DataFrame
        """
        staying = 1 - self.months["hazard"].astype("float64")
        return self.months.assign(
            survival=staying.groupby([self.months["customer_id"], self.months["spell"]]).cumprod()
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

        first = self.months[self.months["at_risk"] & (self.months["spell"] == 1)]
        chance = first.groupby("tenure")["hazard"].mean()
        staying = (1 - chance).cumprod()
        return pd.DataFrame({"time": staying.index.to_numpy() + 1.0, "survival": staying.to_numpy()})
