"""What every result has in common: it says what it is, gives its numbers away, and draws itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


class Shown(ABC):
    """A result: one line that names it, its definition, its frame and its picture."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__repr__" not in cls.__dict__:
            cls.__repr__ = Shown.__repr__  # type: ignore[method-assign]  # so that dataclass writes none of its own

    @property
    @abstractmethod
    def definition(self) -> str:
        """What was counted and divided, in one sentence."""

    @abstractmethod
    def to_frame(self) -> pd.DataFrame:
        """The result, one row a cell."""

    def headline(self) -> str:
        """What it is about and its first number, for the one line that stands for the result."""
        return ""

    def plot(self, ax: Axes | None = None, *, lang: str = "en", **options: Any) -> Axes:
        """Draw the result.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; default a new figure.
        lang : {"de", "en"}
            Language of title and labels.
        **options
            As the drawing function in `kbind.plot.draw` takes them, such as `title`; `kind` where a result has several
            pictures.

        Returns
        -------
        Axes
            `kbind.plot.base.alt_text` gives its numbers as text.

        Raises
        ------
        KbindError
            The result has no picture.
        ArgumentError
            An option that the picture does not know.
        """
        from kbind.plot.draw import draw

        return draw(self, ax, lang=lang, **options)

    def __repr__(self) -> str:
        source = _source(self)
        said = f"{source}: {self.headline()}" if source and self.headline() else source or self.headline()
        return f"{type(self).__name__}({said})"

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.definition)}</p>{self.to_frame().to_html(index=False, border=0, na_rep='–')}"

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The frame as Arrow data, so that Polars, DuckDB and others read a result as it is."""
        import pyarrow as pa

        columns = {str(name): _arrow(column) for name, column in self.to_frame().items()}
        return pa.table(columns).__arrow_c_stream__(requested_schema)


def _source(result: object) -> str:
    """Name of the data set that a result, or what it was made from, comes from."""
    for part in (result, *vars(result).values()):
        provenance = getattr(part, "provenance", None)
        if provenance is not None:
            return str(provenance.source)
    return ""


def _arrow(column: pd.Series[Any]) -> Any:
    """A column as Arrow has it; values of several kinds in one column become text."""
    import pyarrow as pa

    try:
        return pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.array(column.astype(str).where(column.notna(), None), from_pandas=True)
