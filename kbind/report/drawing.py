"""A figure as SVG that stands in a page: its text is text, and its colours are those of the page."""

from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from functools import cache
from io import StringIO

from markupsafe import Markup
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from kbind.plot.base import (
    BLUE,
    GROUPS,
    HATCH,
    INK,
    LINE,
    MIDBLUE,
    MIDBLUE_TEXT,
    MUTE,
    PALE,
    SAND,
    SAND_TEXT,
    house_style,
)
from kbind.plot.heatmap import SHADES

#: Colours of pictures by their names in `page.css`, where each has another value in the dark.
NAMES = (
    {
        INK: "ink",
        MUTE: "mute",
        LINE: "line",
        HATCH: "hatch",
        BLUE: "blue",
        MIDBLUE: "midblue",
        PALE: "pale",
        SAND: "sand",
        SAND_TEXT: "sand-text",
        MIDBLUE_TEXT: "midblue-text",
        "#e3b98f": "light-sand",
        "#ffffff": "paper",
    }
    | dict(zip(GROUPS[2:4], ("green", "violet"), strict=True))
    | {GROUPS[5]: "rose"}
)

_SPACE = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_LONG = re.compile(r"-?\d+\.\d{3,}")
#: What a browser does anyway.
_PLAIN = ("stroke-linejoin: miter", "opacity: 1", "text-anchor: start")


def svg_of(figure: Figure, kind: str) -> Markup:
    """The figure as an element of a page, of the class `kind`; its ids are like those of no other figure."""
    with house_style(), StringIO() as file:
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
        drawn = file.getvalue()
    root = ET.fromstring(drawn)  # noqa: S314 - as above
    prefix = "k" + hashlib.sha256(drawn.encode()).hexdigest()[:8]
    width, height = (round(inches * 96) for inches in figure.get_size_inches())
    used = sorted({name for element in root.iter() for name in _named(element)})
    names = {name: f"{prefix}{number}" for number, name in enumerate(used)}
    _prune(root, set(names))
    for element in root.iter():
        _rewrite(element, names)
    view = root.get("viewBox", "")
    root.attrib = {"class": kind, "viewBox": view, "width": str(width), "height": str(height)}
    _flatten(root)
    return Markup(ET.tostring(root, encoding="unicode").replace(" />", "/>"))  # noqa: S704 - text in it is escaped


def _named(element: ET.Element) -> Iterator[str]:
    """Ids that an element makes use of."""
    for value in element.attrib.values():
        yield from re.findall(r"url\(#([^)]+)\)", value)
    if _LINK in element.attrib:
        yield element.attrib[_LINK].removeprefix("#")


def _prune(parent: ET.Element, used: set[str]) -> None:
    """Leave out what shows nothing: words about the file, rules for the whole page, empty groups, ids nobody uses."""
    for child in list(parent):
        _prune(child, used)
        child.tail = None
        if child.get("id") not in used:
            child.attrib.pop("id", None)
        tag, style = child.tag.removeprefix(_SPACE), child.get("style", "")
        empty = tag in ("g", "defs") and not len(child)
        unseen = (
            tag == "path"
            and "id" not in child.attrib
            and re.search(r"fill: none(?!.*stroke:)|^fill: none; opacity: 0", style)
        )
        if empty or unseen or tag in ("metadata", "style"):
            parent.remove(child)
    if not (parent.text or "").strip():
        parent.text = None


def _flatten(parent: ET.Element) -> None:
    """Leave out groups that say nothing of what is in them."""
    children = []
    for child in parent:
        _flatten(child)
        children += list(child) if child.tag == "g" and not child.attrib else [child]
    parent[:] = children


def _rewrite(element: ET.Element, names: Mapping[str, str]) -> None:
    """An element as it stands in a page: without name spaces, its ids by their new names."""
    element.tag = element.tag.removeprefix(_SPACE)
    values = {}
    for name, value in element.attrib.items():
        if name == _LINK:
            values["href"] = f"#{names[value[1:]]}"
        elif name == "id":
            values["id"] = names[value]
        elif not value.startswith("rotate(-0 "):
            short = _short(value, names)
            values[name] = re.sub(" ?([A-Za-z]) ?", r"\1", short).strip() if name == "d" else short
    element.attrib = dict(sorted(values.items()))


def _short(value: str, names: Mapping[str, str]) -> str:
    """An attribute's value with the page's colours, its own ids, and no more decimals than a screen has."""
    value = re.sub(r"url\(#([^)]+)\)", lambda found: f"url(#{names[found[1]]})", value)
    value = re.sub(r"font-family: [^;]+(; )?", "", " ".join(value.split()))
    value = _COLOUR.sub(lambda found: _colour(found[0]), _LONG.sub(lambda found: f"{float(found[0]):.1f}", value))
    return "; ".join(part for part in value.split("; ") if part not in _PLAIN).replace(": ", ":").replace("; ", ";")


def _colour(code: str) -> str:
    """The name of a colour of the house; a shade between two of them as their mixture."""
    if code in NAMES:
        return f"var(--{NAMES[code]})"
    share = _shades().get(code)
    return code if share is None else f"color-mix(in srgb,var(--blue) {share}%,var(--shade))"


@cache
def _shades() -> dict[str, int]:
    """Per cent of blue in each shade of a heat map."""
    return {to_hex(SHADES(step)): round(100 * step / (SHADES.N - 1)) for step in range(SHADES.N)}
