"""A `kbind.yaml` for a folder of exports: proposed with reasons, tried, and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from kbind.dataset.answers import answers
from kbind.dataset.config import CONFIG_NAME, config_of
from kbind.dataset.dataset import Dataset
from kbind.dataset.opening import opened
from kbind.dataset.schema import TABLES
from kbind.errors import ArgumentError, DatasetError, Problem, listed, plain, written
from kbind.exports.guessing import Guess, guess
from kbind.exports.looking import Found, look
from kbind.exports.recognisers import recognisers

#: How a file was known that no recogniser fits.
GUESSED = "by its columns"
#: Letters of a value that stands on the line of its key.
_WIDTH = 90


@dataclass(frozen=True)
class Part:
    """What one file becomes, and why."""

    found: Found
    guess: Guess
    by: str
    others: tuple[Found, ...] = ()

    @property
    def title(self) -> str:
        """The files, their tables, how sure that is."""
        labels = ", ".join(each.label for each in (self.found, *self.others))
        return f"{labels}: {', '.join(self.guess.tables)} ({self.by}; {self.guess.sure})"

    @property
    def place(self) -> dict[str, Any]:
        """Where the rows lie, as `kbind.yaml` says it."""
        every = (self.found, *self.others)
        files = list(dict.fromkeys(each.file for each in every))
        sheets = [each.sheet for each in every if each.sheet is not None]
        said: dict[str, Any] = {"file": files[0] if len(files) == 1 else files}
        return said | ({"sheet": sheets[0] if len(sheets) == 1 else sheets} if sheets else {})

    @property
    def rest(self) -> list[str]:
        """Columns that no table gives a meaning."""
        known: set[str] = set()
        for table, entry in self.guess.tables.items():
            known |= {name for name in self.found.columns if name.strip().lower() in TABLES[table].columns}
            for of in entry.get("columns", {}).values():
                known |= {of} if isinstance(of, str) else {str(part) for value in of.values() for part in _parts(value)}
            known |= {*entry.get("only", {}), *entry.get("without", {}), *entry.get("leave_out", ())}
        known |= {
            of["column"] if isinstance(of, Mapping) else of for of in self.guess.settings.get("roles", {}).values()
        }
        return [name for name in self.found.columns if name not in known]

    def goes_with(self, other: Part) -> bool:
        """Whether another file has further rows of the same table: the same columns, the same meaning."""
        alike = self.found.columns.keys() == other.found.columns.keys() and self.guess.tables == other.guess.tables
        return (
            alike
            and (self.found.sheet is None) == (other.found.sheet is None)
            and (self.found.sheet is None or self.found.file == other.found.file)
        )


@dataclass(frozen=True)
class Proposal:
    """A `kbind.yaml` for a folder, before it is written.

    Parameters
    ----------
    folder : Path
        Where the files lie.
    parts : tuple of Part
        The files that are used.
    unused : tuple of str
        Files that nothing is known of.
    problems : tuple of str
        Files that could not be read, and what is wrong with the data as it is proposed.
    settings : mapping
        Keys of `kbind.yaml` beside `tables`.
    data : Dataset or None
        The data as it opens with the proposal.
    """

    folder: Path
    parts: tuple[Part, ...]
    unused: tuple[str, ...]
    problems: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    data: Dataset | None = None

    @property
    def tables(self) -> dict[str, dict[str, Any]]:
        """Table of the contract -> its entry of `kbind.yaml`."""
        result: dict[str, dict[str, Any]] = {}
        for part in self.parts:
            result |= {table: part.place | entry for table, entry in part.guess.tables.items()}
        return result

    def __str__(self) -> str:
        """What was found, why, what is wrong, and what the data can answer."""
        lines = []
        for part in self.parts:
            lines += [plain(part.title, 200), *(f"  - {plain(reason, 300)}" for reason in part.guess.reasons)]
            if rest := part.rest:
                lines.append(f"  columns without a meaning of their own, kept as they are: {listed(rest)}")
        lines += [f"not used: {plain(label, 200)}" for label in self.unused]
        lines += [f"not read: {plain(problem, 300)}" for problem in self.problems if self.data is not None]
        lines += ["", f"{CONFIG_NAME}:", *(f"  {line}" for line in self.yaml().splitlines()), ""]
        if self.data is not None:
            return "\n".join([*lines, str(self.data), "", answers(self.data)])
        return "\n".join(
            [*lines, "With this the data does not open yet:", *(f"- {problem}" for problem in self.problems)]
        )

    def yaml(self) -> str:
        """The text of the file, with the reasons as comments."""
        lines = ["# Proposed by kbind init; docs/data.md says what each key means."]
        lines += [_block({key: value}) for key, value in self.settings.items()]
        lines.append("tables:")
        for part in self.parts:
            lines.append(f"  # {plain(part.title, 200)}")
            lines += [f"  # {plain(reason, 300)}" for reason in part.guess.reasons]
            for table in part.guess.tables:
                lines += ["  " + line for line in _block({table: self.tables[table]}).splitlines()]
        return "\n".join(lines) + "\n"


def propose(folder: Path, *, exports: Path | None = None, **settings: Any) -> Proposal:
    """Look at the files of a folder and propose what `kbind.yaml` should say of them.

    Parameters
    ----------
    folder : Path
        With exports as CSV, Parquet or workbooks.
    exports : Path, optional
        A folder with recognisers of one's own, which go first.
    **settings
        Keys of `kbind.yaml` that the user knows: timezone, currency, as_of, date_order, decimal, title, ends.

    Raises
    ------
    DatasetError
        The folder holds no tables, or nothing in it names customers.
    """
    if not folder.is_dir():
        raise DatasetError.of(str(folder), "is no folder", allowed="allowed: a folder with exports")
    found, unread = look(folder)
    known = recognisers(*([exports] if exports else []))
    parts, unused = list[Part](), list[str]()
    for one in found:
        named = next((each for each in known if each.fits(one) and each.entries(one)), None)
        if named is not None:
            reasons = [
                f"all columns of this export are there: {listed([sign[0] for sign in named.signs], 6)}",
                *named.notes,
            ]
            parts.append(Part(one, Guess(named.entries(one), "sure", reasons, dict(named.settings)), named.name))
        elif (own := guess(one)) is not None:
            parts.append(Part(one, own, GUESSED))
        else:
            unused.append(f"{one.label} (no column that names the customer, with one that says when or a row each)")
    parts, doubled = _one_each(_together(parts))
    unused += doubled
    if not parts:
        allowed = "needed: a column that names the customer and one that says when, or one row a customer; "
        said = "; ".join([*unread, f"found: {listed(unused) or 'nothing'}"])
        raise DatasetError.of(str(folder), "holds no table of customers that is recognised", allowed=allowed + said)
    merged = _settings(parts) | {key: value for key, value in settings.items() if value is not None}
    return _tried(Proposal(folder, tuple(parts), tuple(unused), tuple(unread), merged))


def _together(parts: Sequence[Part]) -> list[Part]:
    """The files with further rows of a table as one part."""
    result: list[Part] = []
    for part in parts:
        place = next((i for i, each in enumerate(result) if each.goes_with(part)), None)
        if place is None:
            result.append(part)
        else:
            result[place] = replace(result[place], others=(*result[place].others, part.found))
    return result


def _parts(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value]


def _one_each(parts: Sequence[Part]) -> tuple[list[Part], list[str]]:
    """For each table one file: what is called so or recognised, then what fits best; the others are not used."""
    taken: dict[str, str] = {}
    for part in sorted(parts, key=lambda part: (not part.guess.called, part.by == GUESSED, -part.guess.score)):
        for table in part.guess.tables:
            taken.setdefault(table, part.found.label)
    kept, doubled = [], []
    for part in parts:
        tables = {name: entry for name, entry in part.guess.tables.items() if taken[name] == part.found.label}
        if tables:
            kept.append(replace(part, guess=replace(part.guess, tables=tables)))
        else:
            wanted = ", ".join(part.guess.tables)
            doubled.append(f"{part.found.label} (also {wanted}, like {taken[next(iter(part.guess.tables))]})")
    return kept, doubled


def _settings(parts: Sequence[Part]) -> dict[str, Any]:
    """The keys beside `tables` that the files ask for."""
    result: dict[str, Any] = {}
    for part in parts:
        for key, value in part.guess.settings.items():
            if isinstance(value, Mapping):
                result[key] = {**result.get(key, {}), **value}
            else:
                result.setdefault(key, value)
    return result


def _tried(proposal: Proposal) -> Proposal:
    """The proposal with the data as it opens; rows without customer are left out where there are others."""
    try:
        return replace(proposal, data=_open(proposal))
    except DatasetError as error:
        if "drop_rows_without" not in proposal.settings and any(
            _is_nameless(each, proposal) for each in error.problems
        ):
            return _tried(replace(proposal, settings={**proposal.settings, "drop_rows_without": "customer_id"}))
        return replace(proposal, problems=(*proposal.problems, *map(str, error.problems)))
    except ArgumentError as error:
        return replace(proposal, problems=(*proposal.problems, str(error)))


def _is_nameless(problem: Problem, proposal: Proposal) -> bool:
    """Whether rows name no customer."""
    named = {entry.get("columns", {}).get("customer_id", "customer_id") for entry in proposal.tables.values()
             if isinstance(entry.get("columns", {}).get("customer_id", ""), str)}  # fmt: skip
    return problem.message == "has no value" and problem.column in named


def _open(proposal: Proposal) -> Dataset:
    """The data as it opens with what is proposed, whatever a `kbind.yaml` that is there says."""
    return opened(proposal.folder, config_of({**proposal.settings, "tables": proposal.tables}, CONFIG_NAME))


def write(proposal: Proposal, *, force: bool = False) -> Path:
    """Write the proposal into its folder.

    Raises
    ------
    ArgumentError
        There is a `kbind.yaml` already, and `force` is not given.
    """
    path = proposal.folder / CONFIG_NAME
    check_new(path, force=force)
    with written("folder", path):
        path.write_text(proposal.yaml(), encoding="utf-8")
    return path


def check_new(path: Path, *, force: bool) -> None:
    """There is no `kbind.yaml` yet, or it may be replaced.

    Raises
    ------
    ArgumentError
        It is there.
    """
    if path.exists() and not force:
        raise ArgumentError(f"{path} is there already; --force replaces it")


def _block(entry: Mapping[str, Any], indent: str = "") -> str:
    """A mapping with a key a line; what lies in its values is written on one line where that is short."""
    lines = []
    for key, value in entry.items():
        flow = yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=10_000, default_flow_style=True)
        text = flow.removesuffix("...\n").strip()
        name = yaml.safe_dump(key, allow_unicode=True, width=10_000).removesuffix("...\n").strip()
        if isinstance(value, Mapping) and value and (not indent or len(text) > _WIDTH):
            lines += [f"{indent}{name}:", _block(value, indent + "  ")]
        else:
            lines.append(f"{indent}{name}: {text}")
    return "\n".join(lines)
