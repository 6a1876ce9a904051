from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kbind.report.write import write_report

NASTY = "<script>alert('x')</script>"


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """German-Excel files of a small shop: 300 customers over 15 months, some cohorts tiny, one customer hostile."""
    rng = np.random.default_rng(7)
    folder = tmp_path_factory.mktemp("data") / "Laden & Söhne"
    folder.mkdir()
    lines = ["Kundennr;Kaufdatum;Umsatz"]
    for customer in range(300):
        first = int(rng.integers(0, 14)) if customer > 12 else 13
        name = NASTY if customer == 20 else f"Kunde-{customer:04d}"
        for month in range(first, 15):
            if month == first or rng.random() < 0.4:
                day = pd.Timestamp(2023, 1, 1) + pd.DateOffset(months=month, days=int(rng.integers(0, 27)))
                amount = f"{rng.gamma(2, 900):,.2f}".translate(str.maketrans(",.", ".,"))
                lines.append(f"{name};{day:%d.%m.%Y} 14:30;{amount}")
    (folder / "events.csv").write_bytes(("\r\n".join(lines) + "\r\n").encode("cp1252"))
    (folder / "kbind.yaml").write_text(
        "title: Laden & <b>Söhne</b>\ntimezone: Europe/Berlin\nas_of: 2024-04-01\n"
        "tables:\n  events:\n    columns: {customer_id: Kundennr, timestamp: Kaufdatum, amount: Umsatz}\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture(scope="session")
def shop_report(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(shop, out=tmp_path_factory.mktemp("reports")).parent
