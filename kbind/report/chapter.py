"""What a notebook calls to speak to a manager. Nothing else in a notebook reaches a page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from babel.dates import format_interval, get_timezone_location
from IPython.display import display
from matplotlib.axes import Axes

from kbind.dataset.dataset import Dataset
from kbind.plot.base import alt_text, finding
from kbind.report.blocks import Block, Cards, Foot, Picture, Section, Summary, as_record, render_block
from kbind.report.chapters.base import Story
from kbind.text.names import named
from kbind.text.tables import Table

_DPI = 200


class Chapter:
    """One chapter of the report, as a notebook tells it.

    Parameters
    ----------
    number : str
        Of the chapter, such as "01" or "01c".
    data : Dataset
        What it is about.
    story : Story
        What it says, and in which language.
    """

    def __init__(self, number: str, data: Dataset, story: Story) -> None:
        self.number, self.data, self.story = number, data, story
        self.voice = story.voice
        self._shown: set[str] = set()

    def summary(self) -> None:
        """Open the chapter: question, answer, what it means, what to do, how sure, and three figures."""
        text, story, number = self.voice.catalogue.text, self.story, self.number.lstrip("0")
        about = ", ".join(part for part in (self.title, self._size(), self._span()) if part)
        self._show(
            Summary(
                kicker=text("page.kicker" if number else "page.kicker.data", number=number, about=about),
                about=about,
                question=story.question(),
                label=text("page.glance"),
                finding=story.finding(),
                rows=[
                    (text("page.means"), story.means()),
                    (text("page.act"), story.act()),
                    (text("page.certainty"), story.certainty()),
                ],
                tiles=story.tiles(),
                tiles_label=text("page.figures"),
            )
        )

    def figure(self, ax: Axes, caption: str) -> None:
        """Show a figure under its finding: the figure's title becomes the heading, and is taken from the picture."""
        heading, alternative = finding(ax), alt_text(ax)
        ax.set_title("", loc="left")
        image, width, height = _png(ax)
        block = Picture(heading, alternative, caption, width, height)
        display({"text/html": render_block(as_record(block))}, raw=True)
        self._show(block, image)
        display({"text/plain": caption}, raw=True)

    def aside(self, ax: Axes) -> None:
        """Show a figure in the notebook only, with its text alternative; the page does not have it."""
        alternative, (image, width, height) = alt_text(ax), _png(ax)
        content = {"text/plain": f"[Figure: {alternative}]", "image/png": base64.b64encode(image).decode()}
        metadata = {"image/png": {"alt": alternative, "width": width, "height": height}}
        display(content, metadata=metadata, raw=True)

    def section(self, heading: str, *paragraphs: str, table: Table | None = None) -> None:
        """Show a heading with paragraphs and perhaps a table."""
        self._show(Section(heading, paragraphs, table))

    def cards(self, heading: str, *paragraphs: str, cards: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> None:
        """Show a heading with paragraphs and cards: a title each, and rows of label and text."""
        self._show(Cards(heading, paragraphs, cards))

    def foot(self) -> None:
        """Close the chapter: definitions, data, calendar, threshold."""
        text, data, scope = self.voice.catalogue.text, self.data, self.story.scope()
        rows = self.voice.number(data.tables[scope.log].rows)
        lines = [*self.story.definitions()]
        kinds = {"events": "buy" if data.has("events.amount") else "use", "subscriptions": "stay", "periods": "counts"}
        kind = kinds.get(scope.log, "snapshot")
        if scope.log == "subscriptions":
            days = self.voice.number(data.grace)
            lines.append(text(f"foot.grace.{self.voice.customer}", data.grace, n=days))
        lines.append(text(f"foot.data.{kind}", title=named(data.card.title), rows=rows, n=self._size()))
        if data.card.key:
            lines.append(text(f"data.{data.card.key}.about"))
        if scope.last is not None:
            lines.append(text("foot.as_of", day=self.voice.day(scope.last)))
            lines.append(text("foot.zone", zone=self._zone()) if data.timezone else text("foot.zone_unknown"))
        if scope.running:
            lines.append(text("foot.running", name=scope.running))
        lines.append(self.voice.say("foot.threshold"))
        self._show(Foot(text("page.foot"), lines))

    @property
    def title(self) -> str:
        """What the data set is called."""
        key = self.data.card.key
        return self.voice.catalogue.text(f"data.{key}.name") if key else named(self.data.name)

    def _size(self) -> str:
        return self.voice.customers(self.story.scope().customers)

    def _span(self) -> str:
        """From the first to the last day with data, as one range."""
        scope = self.story.scope()
        if scope.first is None or scope.last is None:
            return ""
        skeleton = "yMMMM" if scope.by_month else "yMMMd"
        return str(format_interval(scope.first, scope.last, skeleton=skeleton, locale=self.voice.lang))

    def _zone(self) -> str:
        zone = str(self.data.timezone)
        return get_timezone_location(zone, locale=self.voice.lang, return_city=True) if "/" in zone else zone

    def _show(self, block: Block, image: bytes | None = None) -> None:
        fresh = [fact for name, fact in self.voice.told.items() if name not in self._shown]
        self._shown |= {fact.id for fact in fresh}
        record: dict[str, Any] = {"block": as_record(block), "facts": [fact.as_dict() for fact in fresh]}
        metadata: dict[str, Any] = {"kbind": record}
        content = {"text/plain": block.plain()}
        if isinstance(block, Picture) and image is not None:
            metadata["image/png"] = {"alt": block.alt, "width": block.width, "height": block.height}
            content["image/png"] = base64.b64encode(image).decode()
        else:
            content["text/html"] = render_block(as_record(block))
        display(content, metadata=metadata, raw=True)


def _png(ax: Axes) -> tuple[bytes, int, int]:
    """The picture, its width and its height; the figure is closed."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    image = BytesIO()
    figure.savefig(image, format="png", dpi=_DPI, metadata={"Software": None})
    width, height = (round(inches * 96) for inches in figure.get_size_inches())
    figure.clear()
    _close(figure)
    return image.getvalue(), width, height


def _close(figure: Any) -> None:
    """Take the figure from the notebook's list, so that it is not shown a second time."""
    import matplotlib.pyplot as plt

    plt.close(figure)
