"""What a file that no recogniser knows probably is: by the names of its columns and what they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kbind.dataset.making import MONTHS
from kbind.dataset.names import CHURNED, INTERVAL, NAMES, PRICE, QUANTITY, TENURE, UNIT_PRICE, bare, rank
from kbind.dataset.reading.columns import NO, YES
from kbind.dataset.schema import TABLES, Kind
from kbind.exports.looking import Found, Seen

#: How files of each table are called, by parts of their names.
_FILES: Mapping[str, tuple[str, ...]] = {
    "events": ("event", "order", "transaction", "sale", "purchase", "invoice", "bestell", "beleg", "umsatz", "rechnung",
               "auftrag", "kauf", "retail", "basket", "log", "visit", "payment", "zahlung", "booking", "einkauf"),
    "subscriptions": ("subscri", "contract", "vertr", "member", "mitglied", "abo", "polic", "tarif"),
    "customers": ("customer", "kunde", "client", "account", "compan", "user", "crm", "churn", "household"),
    "cancellations": ("cancel", "kuendig", "churnreason"),
    "tickets": ("ticket", "case", "complaint", "support", "beschwerde", "anfrage"),
    "feedback": ("feedback", "survey", "nps", "umfrage", "rating", "review", "bewertung"),
}  # fmt: skip
#: Without one of these a file is no table of that kind, whatever else fits.
_TELLING: Mapping[str, tuple[str, ...]] = {
    "subscriptions": ("end", "mrr", "term_end"),
    "cancellations": ("reason", "reason_text"),
    "tickets": ("closed", "severity"),
    "feedback": ("score",),
}
#: Rows a customer below which a file may tell of contracts.
_CONTRACTS_EACH = 3
#: How columns with a state of the row are called, and how many states they have at most.
_STATUS, _MOST_STATES = ("status", "state", "zustand"), 15
#: States of rows that are no order, or no contract.
_NO_ORDER = frozenset(
    {"storniert", "cancelled", "canceled", "void", "voided", "draft", "entwurf", "failed", "test", "abandoned",
     "declined", "rejected", "abgelehnt", "gescheitert"}
)  # fmt: skip
_NO_CONTRACT = frozenset(
    {"future", "trial", "trialing", "intrial", "incomplete", "incompleteexpired", "draft", "entwurf", "test", "pending"}
)  # fmt: skip
_COUNTS_OF_MONTHS = {str(months) for months in range(1, 61)}
#: Place of a column that is a date by its name and values, and by nothing else.
_DATED = 150
#: Columns of contracts that describe no customer, or tell that it has left.
_OF_CONTRACTS = ("start", "end", "term_end", "notice_at", "mrr")
#: Months in the units in which a tenure may be given, by what its name holds.
_MONTHS_IN = {"month": 1.0, "monat": 1.0, "day": 12 / 365.2425, "tage": 12 / 365.2425, "week": 12 / 52.1775,
              "woche": 12 / 52.1775, "year": 12.0, "jahr": 12.0}  # fmt: skip
_STAYED = ("isactive", "active", "retained", "aktiv")


@dataclass
class Guess:
    """What one file becomes.

    Parameters
    ----------
    tables : dict
        Table of the contract -> its entry of `kbind.yaml`.
    sure : {"sure", "likely", "unsure"}
        Names known and values fitting; names that hold a known one; a choice that somebody should look at.
    reasons : list of str
        Why, for the user.
    settings : dict
        Keys of `kbind.yaml` beside `tables`.
    called : bool
        The file is called like its table and follows the contract.
    score : float
        How much speaks for it.
    """

    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    sure: str = "sure"
    reasons: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    called: bool = False
    score: float = 0.0


@dataclass
class _Match:
    columns: dict[str, Any]
    ranks: dict[str, int]


def guess(found: Found) -> Guess | None:
    """The most likely table of a file, with its columns; None where nothing names a customer."""
    if (own := _called(found)) is not None:
        return own
    matches = {table: match for table in _FILES if (match := _match(found, table)) is not None}
    scores = {table: _score(found, table, match) for table, match in matches.items()}
    scores = {table: score for table, score in scores.items() if score > 0}
    if not scores:
        return _numbered(found)
    table = max(scores, key=lambda name: scores[name])
    match = matches[table]
    result = Guess({table: {"columns": match.columns}}, score=scores[table])
    worst = max((match.ranks.get(name, 0) for name in _required(table)), default=0)
    rivals = sorted(scores.values())[-2:]
    result.sure = "unsure" if len(rivals) > 1 and rivals[1] - rivals[0] < 1 else "likely" if worst >= 100 else "sure"
    called = {name: of for name, of in match.columns.items() if isinstance(of, str)}
    result.reasons.append(
        f"{', '.join(f'{of!r} is {name}' for name, of in called.items() if name in _required(table))}"
    )
    if table == "feedback" and "instrument" not in match.columns:
        match.columns["instrument"] = {"value": _instrument(found, match)}
        result.reasons.append(f"no column names what was asked; taken as {match.columns['instrument']['value']}")
    _add_amount(found, table, match, result)
    if table == "events" and found.columns[match.columns["customer_id"]].unique:
        result.sure = "unsure"
        result.reasons.append(f"no {match.columns['customer_id']!r} occurs twice: is it the customer, or the order?")
    if table in ("events", "subscriptions"):
        _add_status(found, table, result)
    if table == "subscriptions":
        _add_others(found, match, result)
    if table == "customers":
        _add_roles(found, result)
    for of in match.columns.values():
        seen = found.columns.get(of) if isinstance(of, str) else None
        if seen is not None and seen.kind.startswith("epoch") and of not in (match.columns["customer_id"],):
            result.settings.setdefault("times", {})[of] = seen.kind
            result.reasons.append(f"{of!r} counts {seen.kind[6:]} since 1970")
    return result


def _called(found: Found) -> Guess | None:
    """A file that is called like a table and has the columns that it needs."""
    table = (found.sheet or found.file.rsplit(".", 1)[0]).strip().lower()
    there = {name.strip().lower() for name in found.columns}
    if table not in TABLES or not all(
        name in there for name, column in TABLES[table].columns.items() if column.required
    ):
        return None
    result = Guess({table: {}}, reasons=["called like the table, with its columns"], called=True)
    if table == "customers":
        _add_roles(found, result)
    return result


def _numbered(found: Found) -> Guess | None:
    """A file that names nobody, but says who has left: each row is a customer of its own."""
    result = Guess({"customers": {"columns": {"customer_id": {"row": "number"}}}}, sure="likely")
    _add_roles(found, result)
    if "churned" not in result.settings.get("roles", {}):
        return None
    result.reasons.insert(0, "no column names the customer, so each row is taken as one")
    return result


def _required(table: str) -> list[str]:
    return [name for name, column in TABLES[table].columns.items() if column.required and name != "instrument"]


def _match(found: Found, table: str) -> _Match | None:
    """The columns of a contract that a file has; None without those that are required."""
    contract = TABLES[table].columns
    columns, ranks, taken = dict[str, Any](), dict[str, int](), set[str]()
    for name in contract:
        words = (*_exact(table, name), *NAMES[table].get(name, ()))
        fitting = [
            (place, original)
            for original, seen in found.columns.items()
            if original not in taken
            and (place := rank(original, words)) is not None
            and _fits(contract[name].kind, seen, sure=place < 100)
            and (place < 100 or contract[name].kind is not Kind.TEXT)
            and (place < 100 or contract[name].kind is not Kind.ID or _ends_as_id(original))
        ]
        if not fitting and contract[name].happened and contract[name].required:
            dated = [of for of, seen in found.columns.items() if of not in taken and seen.is_time and _says_when(of)]
            fitting = [(_DATED, of) for of in dated[:1]]
        if fitting:
            ranks[name], columns[name] = min(fitting, key=lambda each: each[0])
            taken.add(columns[name])
    return _Match(columns, ranks) if all(name in columns for name in _required(table)) else None


def _exact(table: str, name: str) -> tuple[str, ...]:
    return (bare(name),) if name in TABLES[table].columns else ()


def _says_when(name: str) -> bool:
    """Whether a name is that of some date, but not of one that is no event of a customer's."""
    own = bare(name)
    other = ("birth", "dob", "geburt", "update", "modif", "geaendert", "due", "faellig", "deliver", "estimat")
    return any(word in own for word in ("date", "datum", "time", "zeit", "month", "monat", "day", "tag")) and not any(
        word in own for word in other
    )


def _ends_as_id(name: str) -> bool:
    """Whether a name that holds a known one can be that of an id: `shop_customer_id`, not `customer_service_calls`."""
    return bare(name).endswith(("id", "nr", "no", "num", "number", "nummer", "key", "code", "customer", "kunde"))


def _fits(kind: Kind, seen: Seen, *, sure: bool) -> bool:
    """Whether values may be what the contract asks for."""
    if seen.kind == "empty":
        return sure and kind in (Kind.TIME, Kind.NUMBER, Kind.TEXT)
    if kind is Kind.TIME:
        return seen.is_time
    if kind is Kind.NUMBER:
        return seen.kind in ("number", "flag")
    if kind is Kind.FLAG:
        return seen.kind == "flag"
    if kind is Kind.ID:
        return seen.kind not in ("time", "json", "other", "flag")
    return sure or seen.kind == "text"


def _score(found: Found, table: str, match: _Match) -> float:
    """How much speaks for a table; 0 if something speaks against it."""
    customer = found.columns[match.columns["customer_id"]]
    telling = _TELLING.get(table)
    if telling is not None and not any(name in match.columns for name in telling):
        return 0.0
    if table == "customers" and not customer.unique:
        return 0.0
    many = len(customer.values) and found.rows > _CONTRACTS_EACH * len(customer.values) and len(customer.values) < 200
    if table == "subscriptions" and many:
        return 0.0
    name = bare(found.file.rsplit(".", 1)[0]) + bare(found.sheet or "")
    hint = 3.0 * any(word in name for word in _FILES[table])
    exact = 2.0 * (bare(found.file.rsplit(".", 1)[0]) == table or bare(found.sheet or "") == table)
    fit = sum(1.0 if place < 100 else 0.5 for place in match.ranks.values())
    told = sum(name in match.columns for name in telling or ())
    alone = -2.0 if table == "events" and customer.unique else 0.0
    few = -0.5 if table == "customers" else 0.0
    return hint + exact + fit + told + alone + few


def _first(found: Found, words: Iterable[str], fits: Callable[[Seen], bool]) -> str | None:
    ranked = [
        (place, name)
        for name, seen in found.columns.items()
        if (place := rank(name, words)) is not None and place < 100 and fits(seen)
    ]
    return min(ranked)[1] if ranked else None


def _number(seen: Seen) -> bool:
    return seen.kind == "number"


def _add_amount(found: Found, table: str, match: _Match, result: Guess) -> None:
    """Amounts that are made of quantity and price, or that hold for an interval."""
    if table == "events" and "amount" not in match.columns:
        many, price = _first(found, QUANTITY, _number), _first(found, UNIT_PRICE, _number)
        if many and price:
            match.columns["amount"] = {"product": [many, price]}
            result.reasons.append(f"the amount is {many!r} times {price!r}")
        elif price:
            match.columns["amount"] = price
            result.sure = "unsure"
            result.reasons.append(f"{price!r} is taken for what was paid: is it the price of one piece?")
    if table == "subscriptions" and "mrr" not in match.columns:
        per = _first(found, INTERVAL, _is_interval)
        price = _first(found, PRICE, _number)
        if per and price:
            match.columns["mrr"] = {"column": price, "per": per}
            result.reasons.append(f"{price!r} is paid for each {per!r}, and becomes an amount a month")


def _is_interval(seen: Seen) -> bool:
    """Whether all values are intervals between payments, or numbers of months."""
    return bool(seen.values) and all(v.casefold() in MONTHS or v in _COUNTS_OF_MONTHS for v in seen.values)


def _add_status(found: Found, table: str, result: Guess) -> None:
    """Rows that are no order or contract by the word of their status."""
    words = _NO_ORDER if table == "events" else _NO_CONTRACT
    for name, seen in found.columns.items():
        meant = [value for value in seen.values if bare(value) in words]
        if meant and seen.kind == "text" and len(seen.values) <= _MOST_STATES and bare(name).endswith(_STATUS):
            result.tables[table]["without"] = {name: meant if len(meant) > 1 else meant[0]}
            result.sure = "unsure" if result.sure == "unsure" else "likely"
            result.reasons.append(f"rows do not count whose {name!r} is {' or '.join(map(repr, meant))}")
            return


def _add_others(found: Found, match: _Match, result: Guess) -> None:
    """Customers, where a file of contracts has one row each; cancellations, where it has their day and reason."""
    customer = match.columns["customer_id"]
    reason = _first(found, NAMES["cancellations"]["reason"], lambda seen: seen.kind == "text")
    if found.columns[customer].unique:
        result.tables["customers"] = {"columns": {"customer_id": customer}}
        told = {of for name, of in match.columns.items() if isinstance(of, str) and name in _OF_CONTRACTS}
        telling = [name for name, seen in found.columns.items() if name in told or name == reason or _tells_end(seen)]
        result.tables["customers"] |= {"leave_out": telling} if telling else {}
        result.reasons.append(
            "one row a customer: what stands beside the contract describes the customer, but for dates and reasons "
            "that only the lost have"
        )
    when = match.columns.get("notice_at") or match.columns.get("end")
    if reason and when:
        result.tables["cancellations"] = {
            "columns": {"customer_id": customer, "timestamp": when, "reason": reason}, "filled": [when],
        }  # fmt: skip
        result.reasons.append(f"rows with a {when!r} are cancellations, for the reason in {reason!r}")


def _tells_end(seen: Seen) -> bool:
    """Whether a column is a date that some lack: it probably says when something ended."""
    return seen.is_time and seen.filled < 1


def _add_roles(found: Found, result: Guess) -> None:
    """Which column says who has left, and which how long somebody was a customer."""
    roles: dict[str, Any] = {}
    gone = _first(found, CHURNED, lambda seen: 1 < len(seen.values) <= 3)
    if gone:
        values = found.columns[gone].values
        if all(value.casefold() in (*YES, *NO) for value in values):
            roles["churned"] = {"column": gone, "value": True}
        else:
            meant = [
                v for v in values if any(word in bare(v) for word in ("attrit", "churn", "left", "gone", "gekuend"))
            ]
            said = [v for v in meant if not bare(v).startswith(("not", "no", "non", "exist"))]
            if len(said) == 1:
                roles["churned"] = {"column": gone, "value": said[0]}
    stays = None if gone else _first(found, _STAYED, lambda seen: seen.kind == "flag" and len(seen.values) == 2)
    if stays:
        no = next(value for value in found.columns[stays].values if value.casefold() in NO)
        roles["churned"] = {"column": stays, "value": False if no.casefold() in ("false", "no") else no}
    if "churned" in roles:
        result.reasons.append(f"{roles['churned']['column']!r} says who has left")
    tenure = _first(found, TENURE, _number)
    if tenure and (months := _in_months(tenure, result)):
        roles["tenure"] = months
    if roles:
        result.settings["roles"] = roles


def _in_months(tenure: str, result: Guess) -> str:
    """The column that says in months how long somebody was a customer; empty where nobody says the unit."""
    unit = next((unit for unit in _MONTHS_IN if unit in bare(tenure)), "")
    if unit in ("month", "monat"):
        result.reasons.append(f"{tenure!r} says how many months somebody was a customer")
        return tenure
    if not unit:
        result.reasons.append(
            f"{tenure!r} may say how long somebody was a customer, but not in which unit; if in months, add "
            f"roles: {{tenure: {tenure}}}"
        )
        return ""
    shares = {"column": tenure, "divided_by": round(1 / _MONTHS_IN[unit], 5)}
    result.tables["customers"].setdefault("columns", {})["tenure_months"] = shares
    result.reasons.append(f"{tenure!r} says how long somebody was a customer, by its name in {unit}s")
    return "tenure_months"


def _instrument(found: Found, match: _Match) -> str:
    """What was asked, by the name of the file or of the score."""
    name = bare(found.file) + bare(str(match.columns["score"]))
    return next((one for one in ("nps", "csat", "ces") if one in name), "survey")
