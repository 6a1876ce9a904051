"""What the loss of the contact person in our house does to the hazard of leaving."""

from kbind.dataset.dataset import Dataset, check_dataset
from kbind.errors import NotEnoughData
from kbind.survival.after import After
from kbind.survival.design import MOST_LEVELS
from kbind.survival.hazard_model import HazardModel, hazard_model

#: How the covariate is called.
CONTACT_LOST = "contact person lost"


def contact_loss(data: Dataset) -> HazardModel:
    """How much more often customers leave in the months after their contact person in our house has gone.

    The first month does not count: contact persons of a customer who goes are closed with the contract. Customers of
    the same plan are compared, where plans are known and few enough.

    Parameters
    ----------
    data : Dataset
        With `subscriptions` and `contacts`, whose side is "ours" for contact persons in our house.

    Returns
    -------
    HazardModel
        With the covariate "contact person lost".

    Raises
    ------
    NotEnoughData
        Contacts have no side or no end, or it happened to too few.

    Examples
    --------
    >>> import kbind as kb
    >>> frame = contact_loss(kb.datasets.load_saas()).to_frame().set_index("covariate")
    >>> bool(frame.loc["contact person lost", "hazard_ratio"] > 1)
    True
    """
    check_dataset(data)
    data.require("subscriptions")
    if not (data.has("contacts.side") and data.has("contacts.end")):
        raise NotEnoughData(f"contacts of {data.name!r} do not say whose contact person went, and when: side, end")
    plans = data.table("subscriptions")["plan"].nunique() if data.has("subscriptions.plan") else 0
    plan = ["plan"] if 0 < plans < MOST_LEVELS else []  # a missing plan is one more level
    lost = After("contacts", "end", where={"side": "ours"}, lag="31D", window="92D")
    return hazard_model(data, plan, after={CONTACT_LOST: lost})
