"""The one reader of YAML files that somebody wrote: refuses what is made to harm, or says one thing twice."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import yaml

from kbind.errors import DatasetError, plain, shown

#: The largest file in bytes, how deep lists and mappings may lie in each other, letters of a name and of a value.
_LARGEST, _DEEPEST, _LONGEST_KEY, _LONGEST = 200_000, 20, 300, 20_000
_NOTHING = ("", "~", "null", "Null", "NULL")


class MarkedError(ValueError):
    """A YAML text is refused; says on which line, why, and what would be right."""

    def __init__(self, line: int, message: str, allowed: str = "") -> None:
        self.line, self.message, self.allowed = line, message, allowed
        super().__init__(f"line {line}: {message}; {allowed}")


def read_text(path: Path) -> str:
    """The text of a YAML file, if it is a file of sensible size in UTF-8."""
    try:
        if path.exists() and not path.is_file():  # a pipe has no end
            raise _wrong(path, "is no file")
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror or error}") from error
    if len(content) > _LARGEST:
        raise _wrong(path, "is too large", f"allowed: {_LARGEST:,} bytes")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise _wrong(path, "is not UTF-8", "save it as UTF-8") from error


def tree(text: str, path: Path, loader: type[Any] = yaml.BaseLoader) -> yaml.Node | None:
    """The nodes of a text with one document."""
    try:
        return compose(text, loader)
    except MarkedError as error:
        raise _wrong(path, f"line {error.line}: {error.message}", error.allowed) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise _wrong(path, f"is not YAML: {plain(' '.join(str(error).split()), 300)}") from error


def read_values(path: Path) -> Any:
    """What a file says, with numbers, days, yes and no as YAML has them; None for nothing."""
    node = tree(read_text(path), path, yaml.SafeLoader)
    if node is None:
        return None
    loader = yaml.SafeLoader("")
    try:
        return _checked(path, loader.construct_document(node))
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # a 31st of February
        raise _wrong(path, f"is not YAML: {plain(' '.join(str(error).split()), 300)}") from error
    finally:
        loader.dispose()


def compose(text: str, loader: type[Any] = yaml.BaseLoader) -> yaml.Node | None:
    """The tree of nodes of a text without references, deep nesting, endless texts, and keys that are given twice."""
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        anchor = getattr(event, "anchor", None)
        if anchor:
            raise MarkedError(line, f"a reference {plain(anchor)!r}", "write the value out where it is needed")
        if isinstance(event, yaml.ScalarEvent) and len(event.value) > _LONGEST:
            raise MarkedError(line, f"a text of {len(event.value):,} letters", f"allowed: {_LONGEST:,}")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise MarkedError(line, f"more than {_DEEPEST} lists or mappings in each other", "allowed: a few")
    node = yaml.compose(text, Loader=loader)
    _check_keys(node)
    return node


def _check_keys(node: yaml.Node | None) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise MarkedError(line, "a key that is no text", "give every key once")
            if len(key.value) > _LONGEST_KEY:
                raise MarkedError(line, f"a name of {len(key.value):,} letters", f"allowed: {_LONGEST_KEY}")
            if key.value in seen:
                raise MarkedError(line, f"{shown(key.value)} is given twice", "give every key once")
            seen.add(key.value)
            _check_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _check_keys(value)


def value_of(node: yaml.Node) -> Any:
    """What a node says: mappings, lists and text, None for nothing."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: value_of(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [value_of(value) for value in node.value]
    return None if getattr(node, "style", None) is None and node.value in _NOTHING else node.value


def line_of(node: yaml.Node, path: str) -> int:
    """The line on which a key such as `rules[1].weight` stands, or the nearest that is there."""
    line: int = node.start_mark.line
    for step in re.findall(r"[^.\[\]]+", path):
        if isinstance(node, yaml.SequenceNode) and step.isdigit():
            node = node.value[int(step)]
            line = node.start_mark.line
        elif isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == step]
            if not found:
                break
            line, node = found[0][0].start_mark.line, found[0][1]
    return line + 1


def _checked(path: Path, value: Any, name: str = "") -> Any:
    """The value, if every number in it is one, and nothing but a title endless."""
    if isinstance(value, float) and not math.isfinite(value):
        raise _wrong(path, f"{plain(name)}: {value} is no number", "allowed: a finite number")
    if isinstance(value, str) and len(value) > _LONGEST_KEY and name != "title":
        raise _wrong(path, f"{plain(name)}: a text of {len(value):,} letters", f"allowed: {_LONGEST_KEY}")
    if isinstance(value, int) and abs(value) >= 10**_LONGEST_KEY:
        raise _wrong(path, f"{plain(name)}: a number of more than {_LONGEST_KEY} digits", "allowed: fewer")
    if isinstance(value, dict):
        for key, inner in value.items():
            _checked(path, inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for inner in value:
            _checked(path, inner, name)
    return value


def _wrong(path: Path, message: str, allowed: str = "") -> DatasetError:
    return DatasetError.of(path.name, message, allowed=allowed)


def level_of(value: object) -> str:
    """A level as text, so that 1, 1.0 and "1" are the same, and so are true and yes.

    >>> level_of(1.0), level_of(True), level_of("True"), level_of(" Fiber optic ")
    ('1', 'yes', 'yes', 'Fiber optic')
    """
    if isinstance(value, bool) or type(value).__name__ == "bool_":
        return "yes" if value else "no"
    text = str(value).strip()
    if text.casefold() in ("true", "false"):
        return "yes" if text.casefold() == "true" else "no"
    try:
        number = float(text)
    except ValueError:
        return text
    return f"{number:.15g}" if math.isfinite(number) else text
