"""Files of personas: read with the line of every fault, written without losing a comment or the order of keys."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from kbind.data.marked import compose, line_of, read_text, tree, value_of
from kbind.data.personas.fields import FieldError
from kbind.data.personas.model import Persona
from kbind.data.personas.nodes import edited
from kbind.errors import ArgumentError, DatasetError, Problem


def load(path: Path) -> Persona:
    """Read a persona; see `Persona.load`."""
    return from_text(read_text(path), path)


def from_text(text: str, path: Path) -> Persona:
    """A persona from the text of a file."""
    node = tree(text, path)
    if not isinstance(node, yaml.MappingNode):
        raise _wrong(path, "holds no persona", "allowed: keys such as name, version and rules, one a line")
    try:
        return Persona.of(value_of(node), source=text)
    except FieldError as error:
        raise _wrong(path, f"line {line_of(node, error.key)}, {error.key}: {error.message}", error.allowed) from error


def load_all(folder: Path) -> tuple[Persona, ...]:
    """The newest version of every persona in a folder; see `Persona.load_all`."""
    files = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    if not files:
        raise ArgumentError(f"folder={str(folder)!r} holds no persona; allowed: a folder with .yaml files")
    newest: dict[str, Persona] = {}
    seen: dict[tuple[str, int], Path] = {}
    for file in files:
        persona = load(file)
        version = (persona.name, persona.version)
        if version in seen:
            raise _wrong(file, f"version {persona.version} of {persona.name} stands in {seen[version].name} too",
                         "give the later one the next version")  # fmt: skip
        seen[version] = file
        if persona.name not in newest or newest[persona.name].version < persona.version:
            newest[persona.name] = persona
    return tuple(newest[name] for name in sorted(newest))


def save(persona: Persona, path: Path) -> Path:
    """Write a persona; see `Persona.save`."""
    if path.is_dir() or path.suffix not in (".yaml", ".yml"):
        raise ArgumentError(f"path={str(path)!r} is no file for a persona; allowed: a name that ends in .yaml")
    if path.exists():
        old = load(path)
        if old.name != persona.name:
            raise ArgumentError(f"{path.name} holds the persona {old.name!r}; save {persona.name!r} elsewhere")
        if old.version > persona.version:
            raise ArgumentError(f"{path.name} holds version {old.version}, newer than {persona.version}")
        if old == persona:
            return path
        if old.version == persona.version:
            raise ArgumentError(
                f"{path.name} holds version {old.version} of {persona.name!r} with other content; "
                "a change is a new version: persona.changed(...)"
            )
        stem = re.sub(r"\.v\d+$", "", path.stem)
        return save(persona, path.with_name(f"{stem}.v{persona.version}{path.suffix}"))
    try:
        path.write_text(to_text(persona), encoding="utf-8")
    except OSError as error:
        raise ArgumentError(f"path={str(path)!r} cannot be written: {error.strerror}") from error
    return path


def to_text(persona: Persona) -> str:
    """The text of a persona's file, that of the file it came from as far as it says the same."""
    if not persona.source:
        return edited("", None, None, persona.plain())
    before = from_text(persona.source, Path(f"{persona.name}.yaml"))
    return edited(persona.source, compose(persona.source), before.plain(), persona.plain())


def _wrong(path: Path, message: str, allowed: str = "") -> DatasetError:
    return DatasetError([Problem(path.name, message, allowed=allowed)])
