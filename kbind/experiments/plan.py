"""An experiment laid down before it begins: what is judged, when, by which rule, how many it takes, who is treated."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from hashlib import sha256
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kbind.dataset.frames import is_frame
from kbind.errors import (
    ArgumentError,
    DatasetError,
    check_choice,
    check_conf_level,
    check_count,
    check_flag,
    check_list,
    check_name,
    check_number,
    listed,
    told,
)
from kbind.experiments.campaign import Assigned
from kbind.experiments.effect import OUTCOMES, Effect
from kbind.experiments.following import MONTH
from kbind.experiments.sizes import FORMULAS
from kbind.measures.learning_log import Experiment, append
from kbind.result import Shown
from kbind.typing import Floats
from kbind.yamlfile import read_values

if TYPE_CHECKING:
    import pandas as pd

#: Shares of nobody and of everybody are no shares to plan with.
EDGE = 1e-6
#: Share of the customers in the arms that the plan deals them to, from which on chance is taken to have chosen.
_AS_DEALT = 0.95


@dataclass(frozen=True)
class Plan(Shown):
    """An experiment laid down before it begins. Made by `plan_experiment`, or read from its file.

    Attributes
    ----------
    name : str
        Of the campaign.
    outcome : {"retained", "revenue", "time"}
        What is judged.
    horizon : int
        Days after the assignment at which it is judged.
    effect : float
        What is to be found: a difference of shares, of money a month, or a hazard ratio.
    base : dict of str to float
        What is expected of those left alone: "retained"; "mean" and "sd" of the revenue a month.
    share : float
        Of the customers who are treated.
    conf_level, power : float
    looks : bool
        Whether it is looked at before the end; the interval then holds at all looks together.
    customers : int
        How many it takes in all; `treated` of them.
    leavers : float
        How many of them have to leave where time is judged; NaN else.
    available : int or None
        How many there are.
    arrival : float
        How many come a month; NaN where unknown.
    detectable : float
        The smallest effect that those available show; NaN where unknown, or where there is none.
    strata : tuple of str
        Columns within whose groups the same share is treated.
    salt : str
        What the assignment is made from, together with the customer's id.
    """

    name: str
    outcome: str
    horizon: int
    effect: float
    base: dict[str, float]
    share: float
    conf_level: float
    power: float
    looks: bool
    customers: int
    leavers: float = nan
    available: int | None = None
    arrival: float = nan
    detectable: float = nan
    strata: tuple[str, ...] = ()
    salt: str = field(default="", repr=False)

    @property
    def treated(self) -> int:
        """How many of the customers are treated."""
        return round(self.share * self.customers)

    @property
    def days(self) -> float:
        """Days from the first assignment until it can be judged; NaN where nobody said how many customers come."""
        missing = max(self.customers - (self.available or 0), 0)
        if self.available is None and not isfinite(self.arrival):
            return nan
        enrolled = 0.0 if not missing else missing / self.arrival * MONTH if self.arrival > 0 else nan
        return enrolled + self.horizon

    @property
    def rule(self) -> str:
        """When the effect counts as shown."""
        how = "always-valid" if self.looks else "ordinary"
        return (
            f"shown if the {how} {self.conf_level:.0%} interval of the difference, adjusted for what was known at the "
            f"assignment, excludes 0; customers count as assigned, once their {self.horizon} days are over"
        )

    @property
    def definition(self) -> str:
        """What is judged, by which rule, and how the numbers were found."""
        looks = ", with a critical value that holds at all looks together" if self.looks else ""
        return (
            f"{OUTCOMES[self.outcome].capitalize()}, {self.horizon} days after the assignment; {self.rule}. Size: "
            f"{FORMULAS[self.outcome]}{looks}, power {self.power:.0%}."
        )

    def headline(self) -> str:
        """How many customers it takes."""
        return f"{self.name}: {self.customers:,} customers, {self.treated:,} of them treated"

    def to_frame(self) -> pd.DataFrame:
        """One row: name, outcome, horizon, effect, share, conf_level, power, customers, treated, leavers, days,
        available, detectable.
        """  # noqa: D205
        import pandas as pd

        names = ("name", "outcome", "horizon", "effect", "share", "conf_level", "power", "customers", "treated",
                 "leavers", "days", "available", "detectable")  # fmt: skip
        return pd.DataFrame([{name: getattr(self, name) for name in names}]).astype({"available": "Int64"})

    def assign(self, customers: Any, *, assigned_at: object = None) -> pd.DataFrame:
        """Deal customers out to the arms: the same ones always to the same arm.

        Parameters
        ----------
        customers : list of ids, or DataFrame
            With strata a frame with `customer_id` and their columns: within each of their groups the share is treated,
            up to one customer. Without, each customer by its id alone, whoever else comes.
        assigned_at : date or ISO text, optional
            Day of the assignment; else the table has no such column.

        Returns
        -------
        DataFrame
            customer_id, campaign, arm, propensity and perhaps assigned_at: rows of the table `campaigns`.

        Raises
        ------
        ArgumentError
            No ids, an id twice, no column of the strata, or no day.

        Examples
        --------
        >>> import kbind as kb
        >>> plan = kb.plan_experiment(0.9, effect=0.05, name="call")
        >>> list(plan.assign([1, 2, 3, 4, 5, 6])["arm"])
        ['control', 'treatment', 'treatment', 'treatment', 'control', 'treatment']
        """
        import pandas as pd

        frame = pd.DataFrame({"customer_id": _ids(customers)}) if not is_frame(customers) else pd.DataFrame(customers)
        wanted = ["customer_id", *self.strata]
        for name in wanted:
            if name not in frame:
                raise ArgumentError(f"customers has no column {name!r}; columns: {listed(frame.columns)}")
        identifiers = frame["customer_id"]
        plain = identifiers.map(lambda one: isinstance(one, Hashable)).all()
        if not plain or identifiers.isna().any() or identifiers.duplicated().any():
            raise ArgumentError("customers has an id twice, or a row without one; allowed: one row a customer")
        chance = chances(self.salt, identifiers)
        treated = chance < self.share
        if self.strata:
            group = frame[list(self.strata)].astype(str).agg("\x1f".join, axis=1)
            treated = np.zeros(len(frame), dtype=bool)
            for stratum, place in group.groupby(group).indices.items():
                many = int(self.share * len(place) + chances(self.salt, [f"\x1e{stratum}"])[0])
                treated[place[np.argsort(chance[place], kind="stable")[:many]]] = True
        arms = np.where(treated, "treatment", "control")
        table = pd.DataFrame({"customer_id": identifiers.to_numpy(), "campaign": self.name, "arm": arms,
                              "propensity": self.share})  # fmt: skip
        return table if assigned_at is None else table.assign(assigned_at=_day(assigned_at))

    def write(self, path: str | Path) -> None:
        """Write the plan to a YAML file: what was laid down, and when somebody commits it, since when.

        Parameters
        ----------
        path : str or Path
            A file that is not there yet: a plan is not changed after the fact.

        Raises
        ------
        ArgumentError
            The file is there, or cannot be written.
        """
        import yaml

        target = _path(path)
        written = {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()
                   if v is not None and v == v}  # fmt: skip
        head = "# What is judged, when and by which rule, laid down before the experiment began.\n"
        text = yaml.safe_dump(written | {"rule": self.rule, "formula": FORMULAS[self.outcome]}, sort_keys=False,
                              allow_unicode=True, width=100)  # fmt: skip
        try:
            with target.open("x", encoding="utf-8") as file:
                file.write(head + text)
        except OSError as error:
            raise ArgumentError(f"path={told(str(path))} cannot be written: {error.strerror}") from error

    def record(self, path: str | Path, *, date: object, measure: str = "") -> Path:
        """Add the plan to a learning log (`kb.learned`); what is there stays as it is.

        Parameters
        ----------
        path : str or Path
            The log; made if nothing is there.
        date : date or ISO text
            When it was planned.
        measure : str
            Key of the measure that it is about.

        Raises
        ------
        ArgumentError
            The log holds a plan of that name, or no such measure or day.
        DatasetError
            What is there is no log.
        """
        # a hazard ratio is on another scale than the difference by which time is judged
        smallest = self.effect if self.outcome != "time" else None
        entry = Experiment(
            experiment=self.name, status="planned", date=_day(date).date(), measure=measure, campaign=self.name,
            outcome=self.outcome, horizon=float(self.horizon), randomised=True, smallest=smallest, rule=self.rule,
            conf_level=self.conf_level,
        )  # fmt: skip
        return append(path, entry)

    @classmethod
    def of(cls, plan: Plan | str | Path) -> Plan:
        """The plan itself, or the one in a file.

        Raises
        ------
        ArgumentError
            Neither a plan nor a path.
        DatasetError
            The file cannot be read, or holds no plan.
        """
        if isinstance(plan, Plan):
            return plan
        path = _path(plan, "plan")
        values = read_values(path)
        if not isinstance(values, dict):
            raise DatasetError.of(path.name, "is no plan of an experiment", allowed="a file that Plan.write has made")
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        try:
            plan = cls(**known | {"strata": tuple(known.get("strata", ()))})
            check_plan(plan)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise DatasetError.of(path.name, f"is no plan of an experiment: {error}",
                                  allowed="a file that Plan.write has made") from error  # fmt: skip
        return plan


def chances(salt: str, identifiers: Iterable[object]) -> Floats:
    """A number from 0 to 1 for each id, as good as drawn by lot, and always the same."""
    digests = (sha256(f"{salt}\x1f{one}".encode()).digest()[:8] for one in identifiers)
    return np.array([int.from_bytes(digest, "big") / 2**64 for digest in digests])


def dealt_as_planned(plan: Plan, assigned: Assigned) -> bool | None:
    """Whether the arms of a campaign are those that its plan deals; None where that cannot be told."""
    if not assigned.held_back:
        return False
    if plan.strata:
        return True  # within strata, arms hang on who else was there
    dealt = chances(plan.salt, assigned.customer_id) < plan.share
    return True if float((dealt == assigned.treated).mean()) >= _AS_DEALT else None


def departures(plan: Plan, effect: Effect, asked: Mapping[str, object], looks: object) -> tuple[str, ...]:
    """In what a question, or the experiment, departs from what was laid down."""
    said = []
    assigned = effect.assigned
    mine = {"campaign": (plan.name, effect.campaign), "outcome": (plan.outcome, effect.outcome),
            "horizon": (plan.horizon, effect.horizon), "conf_level": (plan.conf_level, effect.conf_level)}  # fmt: skip
    said += [f"{name}: planned {was!r}, asked {now!r}" for name, (was, now) in mine.items() if was != now]
    if (looks is not None) and not plan.looks:
        said.append("looks: none were planned")
    counted = sum(effect.n.values())
    if counted < plan.customers:
        said.append(f"customers: planned {plan.customers:,}, known so far {counted:,}")
    if not effect.randomised:
        said.append(f"randomised: planned, but {effect.how}")
    if not plan.strata:
        other = int(((chances(plan.salt, assigned.customer_id) < plan.share) != assigned.treated).sum())
        if other:
            said.append(f"arms: {other:,} customers are in another one than the plan deals them to")
    return tuple(said)


def check_plan(plan: Plan) -> None:
    """Refuse a plan that was changed into none."""
    check_choice("outcome", plan.outcome, tuple(OUTCOMES))
    check_name("name", plan.name, "the name of a campaign")
    check_count("horizon", plan.horizon, 1)
    check_number("share", plan.share, above=0, most=1 - EDGE)
    check_conf_level(plan.conf_level)
    check_flag("looks", plan.looks)
    check_count("customers", plan.customers, 1)
    check_name("salt", plan.salt, "a text")


def _ids(customers: Any) -> list[Any]:
    return check_list("customers", customers, "a list of ids, or a frame with customer_id")


def _day(value: object) -> pd.Timestamp:
    import pandas as pd

    try:
        day = pd.Timestamp(value) if isinstance(value, (str, date)) and value else pd.NaT
    except ValueError:
        day = pd.NaT
    if isinstance(day, pd.Timestamp):
        return day
    raise ArgumentError(f"assigned_at={told(value)} is no day; allowed: such as '2025-01-31'")


def _path(path: object, parameter: str = "path") -> Path:
    if not isinstance(path, (str, Path)) or not str(path) or "\0" in str(path):
        raise ArgumentError(f"{parameter}={told(path)} is no path of a file")
    return Path(path)
