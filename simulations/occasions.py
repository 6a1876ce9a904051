"""One run of what is claimed of lists of occasions: few customers on them pay without using."""

from __future__ import annotations

from company import simulate_saas
from numpy.random import Generator

import kbind as kb

#: Lethargic score beyond which a contact does harm: a sleeping dog.
SLEEPING = 1.0


def sleeping_dogs(rng: Generator, n: int) -> tuple[bool, ...]:
    """Whether a list holds no smaller a share of sleeping dogs than all who may be contacted, as a random list would.

    And whether it holds anybody without consent.
    """
    data = simulate_saas(n, rng=rng)
    truth = data.truth
    assert truth is not None
    lethargic = truth.accounts.set_index("customer_id")["bond_lethargic"] > SLEEPING
    agreed = data.table("customers").set_index("customer_id")["consent"]
    contracts = data.table("subscriptions")
    here = contracts.loc[contracts["end"].isna() & contracts["notice_at"].isna(), "customer_id"].unique()
    random = lethargic[here[agreed[here].to_numpy(dtype=bool)]].mean()
    listed = kb.occasions(data, effects=False).frame["customer_id"].unique()
    return bool(lethargic[listed].mean() >= random), not agreed[listed].all()
