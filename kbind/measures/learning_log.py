"""The learning log: every experiment, planned and judged, in a file of the user's that is only ever added to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from kbind.errors import ArgumentError, DatasetError, check_path, choices, plain, shown, written
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import interval_columns
from kbind.measures.catalogue import load_measures
from kbind.measures.evidence import CLAIMED, OBSERVED, REFUTED, SHOWN, Finding
from kbind.result import Shown
from kbind.yamlfields import FieldError, check_keys, choice_of, count_of, day_of, flag_of, number_of, text_of
from kbind.yamlfile import read_text, read_values

#: Where an experiment stands, and what came out.
STATUSES = ("planned", "judged")
VERDICTS = ("shown", "not shown", "not identified")
#: How a grade of evidence is said in the table.
KNOWN = {
    SHOWN: "shown here",
    OBSERVED: "observed here",
    REFUTED: "shown not to work here",
    CLAIMED: "only claimed",
}
_NUMBERS = ("effect", "ci_lower", "ci_upper", "neutral", "smallest", "horizon", "conf_level")
#: Letters of a text in the file.
LONGEST = 300
#: What a judged experiment has to say.
_JUDGED = ("verdict", "effect", "ci_lower", "ci_upper", "randomised", "n")


@dataclass(frozen=True)
class Experiment:
    """One entry of the log.

    Parameters
    ----------
    experiment : str
        Its name; plan and judgements of one experiment have the same.
    status : {"planned", "judged"}
    date : date
        When it was planned, or up to when the data went that judged it.
    measure : str
        Key of a measure of the catalogue, or of its indicator, that it is about; empty for none.
    campaign : str
        As the table of campaigns calls it.
    outcome : str
        What was counted, such as "retained".
    horizon : float, optional
        Days over which.
    randomised : bool, optional
        Whether a lot decided who got it.
    smallest : float, optional
        The smallest effect that would be worth it.
    effect, ci_lower, ci_upper : float, optional
        What was found, with its limits.
    neutral : float
        The effect that means none.
    lower_is_better : bool
        Whether an effect below that is good.
    n : int, optional
        Customers.
    verdict : {"shown", "not shown", "not identified"}
        Empty for a plan.
    conf_level : float
    rule : str
        By which it is judged.
    reasons : tuple of str
    """

    experiment: str
    status: str
    date: date
    measure: str = ""
    campaign: str = ""
    outcome: str = "retained"
    horizon: float | None = None
    randomised: bool | None = None
    smallest: float | None = None
    effect: float | None = None
    ci_lower: float | None = None
    ci_upper: float | None = None
    neutral: float = 0.0
    lower_is_better: bool = False
    n: int | None = None
    verdict: str = ""
    conf_level: float = 0.95
    rule: str = ""
    reasons: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("experiment", "outcome"):
            text_of(name, getattr(self, name))
        for name in ("measure", "campaign", "rule"):
            text_of(name, getattr(self, name), empty=True)
        choice_of("status", self.status, STATUSES)
        object.__setattr__(self, "date", day_of("date", self.date))
        for name in _NUMBERS:
            value = getattr(self, name)
            limits = {"horizon": {"above": 0}, "conf_level": {"above": 0, "most": 1}}.get(name, {})
            object.__setattr__(self, name, None if value is None else number_of(name, value, **limits))
        for name in ("randomised", "lower_is_better"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else flag_of(name, value))
        object.__setattr__(self, "n", None if self.n is None else count_of("n", self.n, 0))
        object.__setattr__(self, "reasons", _texts("reasons", self.reasons))
        self._check_measure()
        self._check_judged()

    def _check_measure(self) -> None:
        measures = load_measures().measures
        known = sorted({*measures, *(one.indicator for one in measures.values())} - {""})
        if self.measure and self.measure not in known:
            raise FieldError("measure", f"{shown(self.measure)} is not known", choices(self.measure, known, "allowed"))

    def _check_judged(self) -> None:
        if self.status == "planned":
            for name in ("verdict", "effect", "ci_lower", "ci_upper"):
                if getattr(self, name) not in (None, ""):
                    raise FieldError(name, "stands in a plan", "allowed: in an entry of its own, with status: judged")
            return
        for name in _JUDGED:
            if getattr(self, name) in (None, ""):
                raise FieldError(name, "is missing in a judged experiment", f"needed: {', '.join(_JUDGED)}")
        choice_of("verdict", self.verdict, VERDICTS)
        low, value, high = self.ci_lower, self.effect, self.ci_upper
        assert low is not None
        assert value is not None
        assert high is not None
        if not low <= value <= high:
            raise FieldError("effect", f"{value:g} lies outside {low:g} to {high:g}", "allowed: ci_lower to ci_upper")
        if self.verdict == "shown" and low <= self.neutral <= high:
            raise FieldError(
                "verdict", f"'shown' with {self.neutral:g} in the interval", "allowed: not shown, not identified"
            )

    @property
    def finding(self) -> Finding | None:
        """What it says about its measure; None where nothing was judged or nothing can be told."""
        if self.effect is None or self.ci_lower is None or self.ci_upper is None:
            return None
        if self.verdict == "not identified" or not (self.randomised or self.verdict == "shown"):
            return None
        effect = Estimate(self.effect, self.ci_lower, self.ci_upper, self.n, conf_level=self.conf_level)
        return Finding(effect, self.neutral, self.lower_is_better, bool(self.randomised), self.smallest)

    @property
    def known(self) -> str:
        """What is known by it, in words."""
        if self.status == "planned":
            return "planned"
        return KNOWN[CLAIMED if self.finding is None else self.finding.grade]

    def as_planned(self, plan: Experiment) -> Experiment:
        """With the measure and the smallest effect worth it as planned, where the judgement does not say them."""
        same = self.outcome == plan.outcome
        smallest = plan.smallest if self.smallest is None and same else self.smallest
        return replace(self, measure=self.measure or plan.measure, smallest=smallest)

    def plain(self) -> dict[str, Any]:
        """As the file holds it: what is not as it is by default."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        defaults = {one.name: one.default for one in fields(self)}
        values = {name: value for name, value in values.items() if value != defaults[name]}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


@dataclass(frozen=True, eq=False)
class Learned(Shown):
    """What is known here, and what is only claimed. Made by `learned`.

    Attributes
    ----------
    experiments : tuple of Experiment
        Entries of the log, in their order.
    source : str
        Name of the file.
    """

    experiments: tuple[Experiment, ...] = field(repr=False)
    source: str

    @property
    def definition(self) -> str:
        """When something counts as known."""
        return (
            f"Experiments of {self.source}. Shown here: a lot decided who got the measure, and the interval holds "
            "good effects only; shown not to work here: it holds bad ones only, or none that would have been worth it; "
            "observed here: the same without a lot, where the effect could be told; only claimed: all else. "
            "Looks: how often an experiment was judged."
        )

    def headline(self) -> str:
        """How many experiments were judged."""
        judged = {one.experiment for one in self.experiments if one.status == "judged"}
        return f"{self.source}, {len(judged)} experiments judged"

    def latest(self) -> tuple[Experiment, ...]:
        """Of every experiment the last judgement, else its plan."""
        last: dict[str, Experiment] = {}
        for one in sorted(self.experiments, key=lambda one: (STATUSES.index(one.status), one.date)):
            plan = last.get(one.experiment)
            last[one.experiment] = one if plan is None else one.as_planned(plan)
        return tuple(last[name] for name in dict.fromkeys(one.experiment for one in self.experiments))

    def findings(self) -> dict[str, list[Finding]]:
        """By measure or indicator, what the last judgements say of it."""
        found: dict[str, list[Finding]] = {}
        for one in self.latest():
            if one.measure and one.finding is not None:
                found.setdefault(one.measure, []).append(one.finding)
        return found

    def to_frame(self) -> pd.DataFrame:
        """One row an experiment, then one a measure that nobody tried.

        Returns
        -------
        DataFrame
            measure, experiment, known, status, date, randomised, outcome, horizon (days), effect (with limits), n,
            verdict, looks (judgements so far), registered (whether it was planned before it was judged).
        """
        rows = []
        for one in self.latest():
            same = [other for other in self.experiments if other.experiment == one.experiment]
            plans = [other.date for other in same if other.status == "planned"]
            rows.append(
                {"measure": one.measure, "experiment": one.experiment, "known": one.known, "status": one.status}
                | {"date": one.date, "randomised": one.randomised, "outcome": one.outcome, "horizon": one.horizon}
                | interval_columns("effect", (one.effect, one.ci_lower, one.ci_upper))
                | {"n": one.n, "verdict": one.verdict, "looks": sum(other.status == "judged" for other in same)}
                | {"registered": bool(plans) and min(plans) <= one.date}
            )
        tried = {one.measure for one in self.experiments}
        untried = [key for key, one in load_measures().measures.items() if not {key, one.indicator} & (tried - {""})]
        rows += [{"measure": key, "known": KNOWN[CLAIMED], "looks": 0, "registered": False} for key in untried]
        return pd.DataFrame(rows).astype({"looks": int, "registered": bool})


def learned(path: str | Path) -> Learned:
    """What experiments have shown here, and what is only claimed.

    Parameters
    ----------
    path : str or Path
        The learning log, a YAML file with one entry an experiment planned or judged; see `Experiment` for its fields.

    Returns
    -------
    Learned

    Raises
    ------
    DatasetError
        The file cannot be read, or a field holds what it must not: with file, entry, field, value and what is allowed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     log = Path(folder) / "learned.yaml"
    ...     plan = Experiment("cards-2024", "planned", date(2024, 1, 8), measure="personal_cards", smallest=0.02)
    ...     _ = append(log, plan)
    ...     learned(log).to_frame()[["measure", "known", "looks"]].head(2)
              measure         known  looks
    0  personal_cards       planned      0
    1       ecosystem  only claimed      0
    """
    file = check_path("path", path)
    return Learned(tuple(_entries(file)), file.name)


def append(path: str | Path, entry: Experiment) -> Path:
    """Add an entry at the end of a log; what is there stays as it is, to the letter.

    Parameters
    ----------
    path : str or Path
        The log; made if nothing is there.
    entry : Experiment

    Returns
    -------
    Path

    Raises
    ------
    ArgumentError
        The log holds the entry, a second plan of the same experiment, or cannot be written.
    DatasetError
        What is there is no log.
    """
    file = check_path("path", path)
    if file.is_dir() or file.suffix not in (".yaml", ".yml"):
        raise ArgumentError(f"path={str(file)!r} is no learning log; allowed: a file whose name ends in .yaml")
    before = _entries(file) if file.exists() else []
    for other in before:
        if other.experiment == entry.experiment and other.status == entry.status:
            same = (other.date, other.outcome, other.horizon) == (entry.date, entry.outcome, entry.horizon)
            if same or entry.status == "planned":
                raise ArgumentError(
                    f"{file.name} holds {entry.experiment!r} as {other.status} on {other.date}; allowed: another name, "
                    "or a judgement of later data"
                )
    text = yaml.safe_dump([entry.plain()], sort_keys=False, allow_unicode=True, width=110)
    gap = "" if not file.exists() or read_text(file).endswith("\n") or not read_text(file) else "\n"
    with written("path", file), file.open("a", encoding="utf-8") as log:
        log.write(gap + text)
    return file


def _entries(file: Path) -> list[Experiment]:
    """The entries of a log, checked."""
    content = read_values(file)
    if content is None:
        return []
    if not isinstance(content, Sequence) or isinstance(content, str):
        raise _wrong(file, "is no list of experiments", "allowed: entries that begin with '- experiment: name'")
    known = {one.name: one.default is MISSING for one in fields(Experiment)}
    entries = []
    for number, values in enumerate(content, start=1):
        where = f"entry {number}"
        try:
            if not isinstance(values, Mapping):
                raise FieldError("entry", f"{shown(values)} has no fields", f"allowed: {', '.join(known)}")
            where += f" ({plain(values['experiment'])})" if "experiment" in values else ""
            check_keys(values, tuple(known), "a learning log")
            for name, needed in known.items():
                if needed and name not in values:
                    raise FieldError(name, "is missing", "needed: experiment, status, date")
            entries.append(Experiment(**{str(key): value for key, value in values.items()}))
        except FieldError as error:
            raise _wrong(file, f"{where}, {error.key}: {error.message}", error.allowed) from error
    return entries


def _texts(key: str, value: object) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, (list, tuple)):
        raise FieldError(key, f"{shown(value)} is no list", "allowed: a list of texts")
    return tuple(text_of(key, one) for one in value)


def _wrong(file: Path, message: str, allowed: str) -> DatasetError:
    return DatasetError.of(file.name, message, allowed=allowed)
