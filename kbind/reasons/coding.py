"""What customers write when they leave, by theme; and whether a person would have coded it so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from kbind.dataset.dataset import Dataset
from kbind.errors import ArgumentError, NotEnoughData, check_conf_level, check_list, told
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import interval_columns, rate_of, wilson
from kbind.reasons.themes import ThemeDictionary
from kbind.result import Shown
from kbind.typing import Bools

#: Row of texts in which no pattern was found.
UNCODED = "(uncoded)"


@dataclass(frozen=True, eq=False)
class CodedReasons(Shown):
    """Texts with their themes. Made by `code_reasons`.

    Attributes
    ----------
    texts : tuple of str or None
        As given; None where nothing was written.
    dictionary : ThemeDictionary
    codes : ndarray of bool, shape (texts, themes)
        Which themes each text has.
    conf_level : float
        Level of the intervals.
    """

    texts: tuple[str | None, ...] = field(repr=False)
    dictionary: ThemeDictionary
    codes: Bools = field(repr=False)
    conf_level: float

    @property
    def definition(self) -> str:
        """How texts were coded, in a few sentences."""
        written = int(self._written.sum())
        return (
            f"{written:,} texts of {len(self.texts):,}, coded by the words of a dictionary in German and English; a "
            "text may have several themes. A pattern does not count after a negation in the same clause, nor in a "
            f"clause that dismisses it; irony and double negations are not seen. {self.uncoded} have no theme. "
            f"{self.conf_level:.0%} Wilson intervals."
        )

    @property
    def uncoded(self) -> Estimate:
        """Share of the texts in which no theme was found."""
        none = ~self.codes.any(axis=1) & self._written
        definition = "texts without any theme, divided by texts"
        return rate_of(int(none.sum()), int(self._written.sum()), self.conf_level, definition)

    def to_frame(self) -> pd.DataFrame:
        """One row a theme, the most frequent first, and one for texts without any.

        Returns
        -------
        DataFrame
            Columns theme, label_de, label_en, n, share (of the texts) with `_ci_lower` and `_ci_upper`. Shares add up
            to more than 1 where texts have several themes.
        """
        themes = self.dictionary.themes
        counts = self.codes.sum(axis=0)
        order = np.argsort(-counts, kind="stable")
        n = np.array([*counts[order], self.uncoded.count])
        labels = [self.dictionary.labels[themes[k]] for k in order]
        return pd.DataFrame(
            {
                "theme": [*(themes[k] for k in order), UNCODED],
                "label_de": [*(label["de"] for label in labels), "ohne Thema"],
                "label_en": [*(label["en"] for label in labels), "no theme"],
                "n": n,
                **interval_columns("share", wilson(n, np.full(len(n), self._written.sum()), self.conf_level)),
            }
        )

    def coded(self) -> pd.DataFrame:
        """One row a text: text, and one column of yes or no a theme; to be checked and corrected by hand."""
        frame = pd.DataFrame({"text": pd.Series(self.texts, dtype=object)})
        return frame.assign(**{theme: self.codes[:, k] for k, theme in enumerate(self.dictionary.themes)})

    @property
    def _written(self) -> Bools:
        return np.array([bool(text and text.strip()) for text in self.texts], dtype=bool)


def code_reasons(
    texts: Dataset | Iterable[str | None],
    dictionary: ThemeDictionary | None = None,
    *,
    conf_level: float = 0.95,
) -> CodedReasons:
    """Code what customers write into themes, by a dictionary that can be read and edited.

    Parameters
    ----------
    texts : Dataset or iterable of str
        Texts in German or English; None where nothing was written. Of a data set: `cancellations.reason_text`, in the
        order of time.
    dictionary : ThemeDictionary, optional
        Default: the one that comes with kbind. ``kb.ThemeDictionary.load().save(path)`` writes it, to be edited.
    conf_level : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    CodedReasons

    Raises
    ------
    ArgumentError
        The data set has no such column, or something is no text.

    Examples
    --------
    >>> coded = code_reasons(["Zu teuer.", "Support never answered, too expensive", "Danke und tschüss"])
    >>> coded.to_frame().head(2)[["theme", "n"]].to_string(index=False, header=False).split()
    ['price', '2', 'service', '1']
    >>> print(coded.uncoded)
    33.33% [6.15%, 79.23%] (1 of 3)
    >>> coded.dictionary.hits("not too expensive")
    (Hit(theme='price', pattern='expensive', words='expensive', negated=True),)
    """
    check_conf_level(conf_level)
    chosen = ThemeDictionary.load() if dictionary is None else dictionary
    if not isinstance(chosen, ThemeDictionary):
        raise ArgumentError(f"dictionary of type {type(dictionary).__name__}; allowed: kb.ThemeDictionary.load(path)")
    given = _texts_of(texts) if isinstance(texts, Dataset) else _checked(texts)
    known = {text: chosen.code(text) for text in dict.fromkeys(given)}
    codes = np.array([[theme in known[text] for theme in chosen.themes] for text in given], dtype=bool)
    return CodedReasons(given, chosen, codes.reshape(len(given), len(chosen.themes)), conf_level)


def _texts_of(data: Dataset) -> tuple[str | None, ...]:
    data.require("cancellations")
    if "reason_text" not in data.tables["cancellations"].columns:
        raise NotEnoughData(f"cancellations of {data.name!r} has no column 'reason_text'; name it in kbind.yaml")
    found = data.engine.query(
        "SELECT reason_text AS text FROM c ORDER BY timestamp, customer_id", tables={"c": "cancellations"}
    )
    return tuple(found.column("text").to_pylist())


def _checked(texts: Any) -> tuple[str | None, ...]:
    several = check_list("texts", texts, "a list of texts, or a Dataset")
    given = tuple(None if _nothing(text) else text for text in several)
    wrong = next((text for text in given if text is not None and not isinstance(text, str)), None)
    if wrong is not None:
        raise ArgumentError(f"texts holds {told(wrong)}; allowed: text, or None where nothing was written")
    return given


def _nothing(value: object) -> bool:
    """None, and what data frames put in its place."""
    return value is None or value is pd.NA or (isinstance(value, float) and bool(np.isnan(value)))
