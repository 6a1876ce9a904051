"""Write the companies that `kb.datasets.load_saas` reads: `make data`, or `python -m simulations.company`."""

from __future__ import annotations

from .files import COMPANIES, write_company

if __name__ == "__main__":
    for scenario in COMPANIES:
        write_company(scenario)
