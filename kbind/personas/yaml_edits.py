"""Edits of YAML by the places where its values stand, which touch nothing else.

Values are text, as they stand: no reading of `no` as false or of `1-9` as a day in September.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any

import yaml

_WIDTH = 110

Edit = tuple[int, int, str]


class _Lines(list[Any]):
    """A list whose items stand on lines of their own."""


class _Dumper(yaml.SafeDumper):
    """Lists stand under their key, moved in; those of mere values on one line."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)

    def in_lines(self, data: list[Any]) -> yaml.Node:
        short = not isinstance(data, _Lines) and not any(isinstance(item, (list, dict)) for item in data)
        return self.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=short)


_Dumper.add_representer(list, _Dumper.in_lines)
_Dumper.add_representer(_Lines, _Dumper.in_lines)


def edited(text: str, node: yaml.Node | None, old: Any, new: Any) -> str:
    """The text with what differs between two plain values replaced; `node` is where the old one stands."""
    if node is None:
        return _dump(new)
    edits = _edits(text, node, old, new)
    for start, end, replacement in sorted(edits, reverse=True):
        text = text[:start] + replacement + text[end:]
    return text


def _edits(text: str, node: yaml.Node, old: Any, new: Any) -> list[Edit]:
    if old == new:
        return []
    block = isinstance(node, yaml.CollectionNode) and not node.flow_style
    if block and isinstance(node, yaml.MappingNode) and isinstance(old, dict) and isinstance(new, dict):
        return _mapping_edits(text, node, old, new)
    if block and isinstance(node, yaml.SequenceNode) and isinstance(new, list) and new and len(node.value) == len(old):
        return _list_edits(text, node, old, new)
    return [_replaced(text, node, new)]


def _mapping_edits(text: str, node: yaml.MappingNode, old: dict[str, Any], new: dict[str, Any]) -> list[Edit]:
    edits: list[Edit] = []
    there = {key.value: (key, value) for key, value in node.value}
    for name, (key, value) in there.items():
        if name in new:
            same_value = name in old and old[name] == new[name]
            edits += [] if same_value else _edits(text, value, old.get(name), new[name])
        elif name in old:
            edits.append((*_block(text, key.start_mark.index, _end(text, value)), ""))
    added = {name: value for name, value in new.items() if name not in there}
    if added:
        indent, last = node.value[0][0].start_mark.column, node.value[-1][0].start_mark.index
        edits.append(_inserted(text, _block(text, last, _end(text, node))[1], _indented(_dump(added), indent)))
    return edits


def _list_edits(text: str, node: yaml.SequenceNode, old: list[Any], new: list[Any]) -> list[Edit]:
    """Items that stay keep their text; one that changes into another is edited inside."""
    edits: list[Edit] = []
    dashes = [text.rindex("-", 0, item.start_mark.index + (not _body(text, item))) for item in node.value]
    indent = dashes[0] - _line_start(text, dashes[0])
    blocks = [_block(text, dash, _end(text, item)) for dash, item in zip(dashes, node.value, strict=True)]
    before, after = ([repr(value) for value in values] for values in (old, new))
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        paired = min(b - a, d - c)
        if kind == "equal":
            continue
        for k in range(paired):
            if _same_subject(old[a + k], new[c + k]):
                edits += _edits(text, node.value[a + k], old[a + k], new[c + k])
            else:  # what was said about the one does not hold for the other
                edits.append((*blocks[a + k], _indented(_dump([new[c + k]]), indent)))
        edits += [(*blocks[k], "") for k in range(a + paired, b)]
        if d > c + paired:
            last = a + paired
            place = blocks[last - 1][1] if last else blocks[0][0]
            edits.append(_inserted(text, place, _indented(_dump(new[c + paired : d]), indent)))
    return edits


def _same_subject(old: Any, new: Any) -> bool:
    """Whether an item turned into one about the same thing: a rule on the same attribute, or anything without one."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return True
    return bool(old.get("attribute") == new.get("attribute"))


def _block(text: str, start: int, end: int) -> tuple[int, int]:
    """The lines of what stands between two places, with comments right above and those moved in below it."""
    first, last = _line_start(text, start), _line_end(text, end)
    indent = start - first
    while first:
        above = _line_start(text, first - 1)
        column = _comment(text[above:first])
        if column != indent:
            break
        first = above
    while last < len(text):
        below = _line_end(text, last)
        if _comment(text[last:below]) <= indent:
            break
        last = below
    return first, last


def _comment(line: str) -> int:
    """Column in which a line that is nothing but a comment begins; -1 for others."""
    rest = line.lstrip(" ")
    return len(line) - len(rest) if rest.startswith("#") else -1


def _body(text: str, node: yaml.Node) -> str:
    return text[node.start_mark.index : node.end_mark.index]


def _replaced(text: str, node: yaml.Node, new: Any) -> Edit:
    """A value in place of another, on one line unless it is long."""
    start, end = node.start_mark.index, _end(text, node)
    inline = yaml.safe_dump(new, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**6)
    return start, end, inline.removesuffix("...\n").strip()


def _inserted(text: str, place: int, lines: str) -> Edit:
    """Whole lines at a place that is the start of a line, or the end of the text."""
    before = "\n" if place and text[place - 1] != "\n" else ""
    return place, place, before + lines


def _end(text: str, node: yaml.Node) -> int:
    """Where a value really ends: the mark of a block lies behind the comments that follow."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    start: int = node.start_mark.index
    return start + len(_body(text, node).rstrip())


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _line_end(text: str, index: int) -> int:
    """Behind the line break of the line that an index stands on."""
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def _dump(value: Any) -> str:
    """Lines of a mapping, or of the items of a list."""
    lines = _Lines(value) if isinstance(value, list) else value
    text: str = yaml.dump(
        lines, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=_WIDTH, default_flow_style=False
    )
    return text


def _indented(lines: str, indent: int) -> str:
    return "".join(" " * indent + line for line in lines.splitlines(keepends=True))
