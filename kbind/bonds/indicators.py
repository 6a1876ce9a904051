"""Signs of a bond in behaviour: one row each, with what it needs, how it is counted, and what it means."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

#: Words in the kind of an event or ticket.
_BUILT_IN = "integrat|api|webhook|connector|schnittstelle|anbindung"
_WORTH = "report|invoice|price|pricing|usage|statement|bericht|rechnung|preis|auswertung"
_PRICE = "price|pricing|billing|discount|invoice|quote|preis|rabatt|rechnung|angebot|kondition"
_TOGETHER = "community|forum|group|webinar|meetup|gruppe|veranstaltung|treffen"
#: Words of kinds that stand for something else than plain use.
WORDS = "|".join((_BUILT_IN, _WORTH, _TOGETHER))


@dataclass(frozen=True)
class Indicator:
    """A sign of a bond.

    Parameters
    ----------
    bond : str
        What it is a sign of.
    name : str
    needs : tuple of str
        Tables, and columns as `table.column`.
    statement : str
        SELECT customer_id, v, from the steps of `kbind.bonds.behaviour`.
    meaning : str
        What is counted, as a noun phrase.
    sign : int
        1 if more of it speaks for the bond, -1 if against it.
    absent : float
        Value of customers without a row.
    monthly : bool
        Whether v is a count that is divided by the months in which the customer was watched.
    """

    bond: str
    name: str
    needs: tuple[str, ...]
    statement: str
    meaning: str
    sign: int = 1
    absent: float = nan
    monthly: bool = False


def _counted(kinds: str, table: str = "log") -> str:
    return (
        f"SELECT customer_id, count(*) AS v FROM {table} "
        f"WHERE regexp_matches(lower(kind), '{kinds}') GROUP BY customer_id"
    )


INDICATORS = (
    Indicator(
        "forced", "remaining_term", ("subscriptions.term_end",),
        "SELECT customer_id, greatest(date_diff('day', _at, term_end), 0) AS v FROM now",
        "days until the term ends to which the customer is bound",
    ),
    Indicator(
        "forced", "integrations", ("events.kind",), _counted(_BUILT_IN),
        "events a month by which the customer is built into its own systems", absent=0.0, monthly=True,
    ),
    Indicator(
        "forced", "products", ("subscriptions.plan",),
        "SELECT customer_id, count(DISTINCT plan) AS v FROM terms WHERE finish IS NULL OR finish > _at "
        "GROUP BY customer_id",
        "products (plans) under contract at the same time",
    ),
    Indicator(
        "forced", "categories", ("events.category",),
        "SELECT customer_id, count(DISTINCT category) AS v FROM log GROUP BY customer_id",
        "categories bought from within a year", absent=0.0,
    ),
    Indicator(
        "lethargic", "never_reviewed", ("subscriptions.auto_renew", "subscriptions.plan"),
        "SELECT n.customer_id, CASE WHEN any_value(n.renews) THEN date_diff('day', max(c.start), _at) ELSE 0 END AS v "
        "FROM now AS n JOIN chosen AS c ON c.customer_id = n.customer_id GROUP BY n.customer_id",
        "days since the customer last chose plan or seats, where the contract renews by itself (else 0)",
    ),
    Indicator(
        "lethargic", "use_while_paying", ("subscriptions", "events"),
        "SELECT h.customer_id, avg(ln((coalesce(u.n, 0) + 2 * k.rate) / (h.months + 2))) AS v FROM here AS h "
        "CROSS JOIN kinds AS k LEFT JOIN used AS u ON u.customer_id = h.customer_id AND u.kind = k.kind "
        "GROUP BY h.customer_id",
        "use a month while paying, every kind of use counting alike (mean logarithm)", sign=-1,
    ),
    Indicator(
        "lethargic", "idle_seats", ("subscriptions.seats", "events.user_id"),
        "SELECT n.customer_id, 1 - count(DISTINCT l.user_id) / nullif(any_value(n.seats), 0) AS v FROM now AS n "
        "LEFT JOIN log AS l ON l.customer_id = n.customer_id GROUP BY n.customer_id",
        "share of the paid seats that nobody used within a year",
    ),
    Indicator(
        "economic", "discount", ("subscriptions.discount",), "SELECT customer_id, discount AS v FROM now",
        "discount on the price",
    ),
    Indicator(
        "economic", "price_reaction", ("subscriptions.mrr", "subscriptions.plan"),
        "SELECT r.customer_id, avg(CASE WHEN r.later < r.mrr THEN 1.0 ELSE 0.0 END) AS v FROM rises AS r "
        "GROUP BY r.customer_id",
        "share of its price rises after which the customer booked less within 92 days",
    ),
    Indicator(
        "economic", "price_requests", ("tickets.kind",), _counted(_PRICE, "asked"),
        "requests a month about prices and bills", absent=0.0, monthly=True,
    ),
    Indicator(
        "economic", "checks_worth", ("events.kind",), _counted(_WORTH),
        "events a month by which the customer checks what it gets for its money", absent=0.0, monthly=True,
    ),
    Indicator(
        "habitual", "regular_weeks", ("events",),
        f"SELECT customer_id, count(DISTINCT date_trunc('week', t)) AS v FROM log "
        f"WHERE NOT regexp_matches(lower(kind), '{WORDS}') GROUP BY customer_id",
        "share of the weeks with plain use or a purchase: how regular the customer's own rhythm is", absent=0.0,
        monthly=True,
    ),
    Indicator(
        "value", "community", ("events.kind",), _counted(_TOGETHER),
        "events a month in the community", absent=0.0, monthly=True,
    ),
    Indicator(
        "value", "referrals", ("customers.referred_by",),
        "SELECT referred_by AS customer_id, count(*) AS v FROM won WHERE NOT referred_by IS NULL GROUP BY referred_by",
        "customers who came on its recommendation", absent=0.0,
    ),
    Indicator(
        "affective", "praise", ("feedback.score",),
        "SELECT customer_id, avg(CASE WHEN score >= CASE WHEN instrument = 'nps' THEN 9 ELSE 5 END THEN 1.0 "
        "ELSE 0.0 END) AS v FROM said WHERE instrument IN ('nps', 'csat') GROUP BY customer_id",
        "share of its answers that praise: 9 and 10 of the NPS, 5 of 5 of the CSAT",
    ),
    Indicator(
        "affective", "opt_in", ("customers.consent",),
        "SELECT customer_id, CASE WHEN consent THEN 1.0 ELSE 0.0 END AS v FROM won WHERE NOT consent IS NULL",
        "has agreed to be contacted",
    ),
)  # fmt: skip
