"""Lists of customers that chapters speak of: for those who act, never part of a page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from kbind.churn.contacts import save_csv, save_excel
from kbind.errors import ReportError
from kbind.typing import Objects

#: Name of a list, which becomes that of its files, and its customers.
Lists = Mapping[str, pd.DataFrame]


def marked(customer: Objects, here: Objects) -> pd.DataFrame:
    """Customers, and whether each still is one: those who are first."""
    frame = pd.DataFrame({"customer_id": customer, "still_customer": np.isin(customer.astype(str), here.astype(str))})
    return frame.sort_values("still_customer", ascending=False, kind="stable", ignore_index=True)


def check_lists(folder: Path, out: Path) -> None:
    """Refuse a folder for lists that lies where pages are, which are handed on.

    Raises
    ------
    ReportError
        It is the folder of the report, or lies in it, or around it; or it is a file.
    """
    here, there = folder.resolve(), out.resolve()
    if here == there or here.is_relative_to(there):
        raise ReportError(
            f"{folder} lies in the folder of the report, {out}, which is handed on; lists name customers: "
            "allowed: a folder elsewhere"
        )
    if folder.exists() and not folder.is_dir():
        raise ReportError(f"{folder} is a file; allowed: a folder for lists")


def write_lists(lists: Lists, folder: Path) -> list[Path]:
    """Write each list as CSV and as a workbook; no cell can be run as a formula.

    Raises
    ------
    ReportError
        The folder cannot be written.
    """
    paths: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, frame in lists.items():
            for ending, save in ((".csv", save_csv), (".xlsx", save_excel)):
                paths.append(folder / f"{name}{ending}")
                save(frame, paths[-1])
    except OSError as error:
        raise ReportError(f"{folder} cannot be written: {error.strerror or error}") from error
    return paths
