"""What a notebook calls to speak to a manager. Nothing else in a notebook reaches a page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import timedelta
from io import BytesIO
from typing import Any, Protocol

from babel.dates import format_interval, get_timezone_location
from IPython.display import display
from matplotlib.axes import Axes

from kbind.data.dataset import Dataset
from kbind.figures import alt_text
from kbind.report.blocks import Block, Foot, Picture, Section, Summary, as_record, render_block
from kbind.statistics.activity import Activity
from kbind.story.retention import voice_for
from kbind.wording import Disclosure, Table

_DPI = 200


class Story(Protocol):
    """What a chapter's summary is made of; see `kbind.story`."""

    def question(self) -> str: ...  # noqa: D102
    def finding(self) -> str: ...  # noqa: D102
    def means(self) -> str: ...  # noqa: D102
    def act(self) -> str: ...  # noqa: D102
    def certainty(self) -> str: ...  # noqa: D102
    def tiles(self) -> list[tuple[str, str, str]]: ...  # noqa: D102
    def definitions(self) -> list[str]: ...  # noqa: D102


class Chapter:
    """One chapter of the report, as a notebook tells it.

    Parameters
    ----------
    number : str
        Of the chapter, such as "01".
    data : Dataset
        What it is about.
    record : Activity
        What was counted; decides what customers, periods and being active are called.
    lang : {"de", "en"}
        Language of the page.
    threshold : int
        Smallest number of customers that is shown.
    """

    def __init__(self, number: str, data: Dataset, record: Activity, *, lang: str = "en", threshold: int = 5) -> None:
        self.number, self.data, self.record = number, data, record
        self.voice = voice_for(record, lang, Disclosure(threshold))
        self._told: set[str] = set()

    def summary(self, story: Story) -> None:
        """Open the chapter: question, answer, what it means, what to do, how sure, and three figures."""
        text = self.voice.catalogue.text
        rows = [
            (text("page.means"), story.means()),
            (text("page.act"), story.act()),
            (text("page.certainty"), story.certainty()),
        ]
        self._show(
            Summary(
                kicker=text(
                    "page.kicker",
                    number=self.number.lstrip("0"),
                    title=self.data.name,
                    n=self._size(),
                    span=self._span(),
                ),
                question=story.question(),
                label=text("page.glance"),
                finding=story.finding(),
                rows=rows,
                tiles=story.tiles(),
                tiles_label=text("page.figures"),
            )
        )

    def figure(self, ax: Axes, caption: str) -> None:
        """Show a figure under its finding: the figure's title becomes the heading, and is taken from the picture."""
        heading = " ".join(ax.get_title(loc="left").split())
        ax.set_title("", loc="left")
        figure = ax.get_figure(root=True)
        assert figure is not None
        image = BytesIO()
        figure.savefig(image, format="png", dpi=_DPI, metadata={"Software": None})
        width, height = (round(inches * 96) for inches in figure.get_size_inches())
        figure.clear()
        _close(figure)
        block = Picture(heading, alt_text(ax), caption, width, height)
        display({"text/html": render_block(as_record(block))}, raw=True)
        self._show(block, image.getvalue())
        display({"text/plain": caption}, raw=True)

    def section(self, heading: str, *paragraphs: str, table: Table | None = None) -> None:
        """Show a heading with paragraphs and perhaps a table."""
        self._show(Section(heading, paragraphs, table))

    def foot(self, definitions: Sequence[str]) -> None:
        """Close the chapter: definitions, data, calendar, threshold."""
        text, say = self.voice.catalogue.text, self.voice.say
        data, calendar = self.data, self.record.calendar
        rows = sum(table.rows for table in data.tables.values())
        assert data.as_of is not None
        last_day = self.voice.day(data.as_of - timedelta(microseconds=1))
        lines = [*definitions]
        lines.append(text("foot.data", title=data.name, rows=self.voice.number(rows), n=self._size(), as_of=last_day))
        if data.card.key:
            lines.append(text(f"data.{data.card.key}"))
        zone = get_timezone_location(data.timezone, locale=self.voice.lang, return_city=True) if data.timezone else ""
        lines.append(
            text("foot.zone", zone=zone if "/" in str(data.timezone) else "UTC")
            if data.timezone
            else text("foot.zone_unknown")
        )
        if calendar.lived < calendar.size:
            lines.append(say("foot.running", name=self.voice.period_name(calendar.starts[-2], calendar.labels[-1])))
        lines.append(say("foot.threshold"))
        self._show(Foot(text("page.foot"), lines))

    def _size(self) -> str:
        return self.voice.customers(self.record.customers)

    def _span(self) -> str:
        """From the first to the last month with data, as one range."""
        calendar = self.record.calendar
        assert self.data.as_of is not None
        last = (self.data.as_of - timedelta(microseconds=1)).date()
        skeleton = "yMMMM" if calendar.period in ("month", "quarter", "year") else "yMMMd"
        return str(format_interval(calendar.starts[0], last, skeleton=skeleton, locale=self.voice.lang))

    def _show(self, block: Block, image: bytes | None = None) -> None:
        fresh = [fact for name, fact in self.voice.told.items() if name not in self._told]
        self._told |= {fact.id for fact in fresh}
        record: dict[str, Any] = {"block": as_record(block), "facts": [fact.as_dict() for fact in fresh]}
        metadata: dict[str, Any] = {"kbind": record}
        content = {"text/plain": block.plain()}
        if isinstance(block, Picture) and image is not None:
            metadata["image/png"] = {"alt": block.alt, "width": block.width, "height": block.height}
            content["image/png"] = base64.b64encode(image).decode()
        else:
            content["text/html"] = render_block(as_record(block))
        display(content, metadata=metadata, raw=True)


def _close(figure: Any) -> None:
    """Take the figure from the notebook's list, so that it is not shown a second time."""
    import matplotlib.pyplot as plt

    plt.close(figure)
