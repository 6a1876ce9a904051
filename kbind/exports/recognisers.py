"""Exports that are known by their columns: each a small file that says what they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kbind.dataset.config import read_mapping
from kbind.dataset.schema import TABLES
from kbind.errors import DatasetError, choices, listed
from kbind.exports.looking import Found
from kbind.shipped import shipped
from kbind.yamlfile import read_values

_KEYS = ("name", "about", "source", "signs", "tables", "timezone", "times", "roles", "notes")


@dataclass(frozen=True)
class Recogniser:
    """One kind of export.

    Parameters
    ----------
    name : str
        What messages call it.
    signs : tuple of tuple of str
        Columns that are all there, each by one of its names.
    tables : mapping
        Table of the contract -> its entry of `kbind.yaml`, in which a column may have several names.
    settings : mapping
        Keys of `kbind.yaml` that always hold: `timezone`, `times`, `roles`.
    notes : tuple of str
        What the user is told.
    """

    name: str
    signs: tuple[tuple[str, ...], ...]
    tables: Mapping[str, Mapping[str, Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def fits(self, found: Found) -> bool:
        """Whether a file has all signs, whatever their capitals."""
        there = _by_bare(found)
        return all(any(_bare(one) in there for one in sign) for sign in self.signs)

    def entries(self, found: Found) -> dict[str, dict[str, Any]]:
        """The tables that a file becomes, as `kbind.yaml` writes them; without columns that it does not have."""
        there = _by_bare(found)
        result = {}
        for table, entry in self.tables.items():
            columns = {name: _there(of, there) for name, of in entry.get("columns", {}).items()}
            columns = {name: of for name, of in columns.items() if of is not None}
            needed = [name for name, column in TABLES[table].columns.items() if column.required]
            if not all(name in columns for name in needed):
                continue
            made: dict[str, Any] = {"columns": columns}
            for key in ("only", "without"):
                kept = _values_there(entry.get(key, {}), found, there, every=key == "without")
                made |= {key: kept} if kept else {}
            for key in ("filled", "leave_out"):
                names = [there[_bare(name)] for name in entry.get(key, []) if _bare(name) in there]
                made |= {key: names} if names else {}
            result[table] = made
        return result


def _bare(name: object) -> str:
    return " ".join(str(name).split()).casefold()


def _by_bare(found: Found) -> dict[str, str]:
    return {_bare(name): name for name in found.columns}


def _there(of: Any, there: Mapping[str, str]) -> Any:
    """What of a column's description the file has; None where it lacks a part."""
    if isinstance(of, str):
        return there.get(_bare(of))
    if isinstance(of, list):
        return next((name for one in of if (name := _there(one, there)) is not None), None)
    if "value" in of:
        return dict(of)
    if "first_of" in of:
        names = [there[_bare(one)] for one in of["first_of"] if _bare(one) in there]
        return names[0] if len(names) == 1 else {"first_of": names} if names else None
    made = dict(of)
    for key in ("column", "json", "per"):
        if key in made:
            made[key] = there.get(_bare(made[key]))
    if "product" in made:
        made["product"] = [there.get(_bare(one)) for one in made["product"]]
    missing = [
        part for part in (*made.get("product", []), *(made.get(k, "") for k in ("column", "json"))) if part is None
    ]
    if missing:
        return None
    if made.get("per", "") is None:
        return None
    return made


def _values_there(chosen: Mapping[str, Any], found: Found, there: Mapping[str, str], *, every: bool) -> dict[str, Any]:
    """Values by which rows are picked: of those that count, those that occur; of those that do not, all of them."""
    result: dict[str, Any] = {}
    for name, values in chosen.items():
        own = there.get(_bare(name))
        if own is None:
            continue
        listed_values = values if isinstance(values, list) else [values]
        seen = {_bare(value) for value in found.columns[own].values}
        kept = listed_values if every else [value for value in listed_values if _bare(value) in seen]
        if kept or found.columns[own].values:
            result[own] = (kept or listed_values)[0] if len(kept or listed_values) == 1 else kept or listed_values
    return result


def recognisers(*folders: Path) -> list[Recogniser]:
    """Those that come with kbind, and before them those of the user's own folders.

    Raises
    ------
    DatasetError
        A file says something else than what a recogniser may say.
    """
    paths = [path for folder in (*folders, shipped("exports")) for path in sorted(folder.glob("*.yaml"))]
    return [_read(path) for path in paths]


def _read(path: Path) -> Recogniser:
    content = read_values(path)
    if not isinstance(content, Mapping):
        raise DatasetError.of(path.name, "is no recogniser", allowed=f"allowed: the keys {listed(_KEYS)}")
    for key in content:
        if key not in _KEYS:
            raise DatasetError.of(path.name, f"unknown key {key!r}", allowed=choices(key, _KEYS, "allowed"))
    for key, kind in (("name", str), ("signs", list), ("tables", Mapping)):
        if not isinstance(content.get(key), kind) or not content[key]:
            raise DatasetError.of(path.name, f"{key}: {content.get(key)!r}", allowed=f"needed: {_NEEDED[key]}")
    settings = {key: content[key] for key in ("timezone", "times", "roles") if content.get(key) is not None}
    _check(content["tables"], path.name)
    signs = tuple(tuple(map(str, sign if isinstance(sign, list) else [sign])) for sign in content["signs"])
    said = content.get("notes") or []
    notes = tuple(map(str, said if isinstance(said, list) else [said]))
    return Recogniser(content["name"], signs, content["tables"], settings, notes)


_NEEDED = {
    "name": "what the export is called",
    "signs": "columns that tell it from others",
    "tables": "what it becomes",
}


def _check(tables: Mapping[str, Any], where: str) -> None:
    """Each way of naming its columns has to be one that `kbind.yaml` may use."""
    named = [entry.get("columns") for entry in tables.values() if isinstance(entry, Mapping)]
    ways = [of for columns in named if isinstance(columns, Mapping) for of in columns.values()]
    for choice in range(max((len(of) for of in ways if _several(of)), default=1)):
        read_mapping({table: _chosen(entry, choice) for table, entry in tables.items()}, where)


def _chosen(entry: Any, choice: int) -> Any:
    """An entry with one of the names of each column."""
    columns = entry.get("columns") if isinstance(entry, Mapping) else None
    if not isinstance(columns, Mapping):
        return entry
    return {**entry, "columns": {n: of[min(choice, len(of) - 1)] if _several(of) else of for n, of in columns.items()}}


def _several(of: object) -> bool:
    return isinstance(of, Sequence) and not isinstance(of, str) and len(of) > 0
