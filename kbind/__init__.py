"""kbind: customer-retention research (Kundenbindung) from a company's own data.

Import as ``import kbind as kb``. Names are loaded when first used, so that importing costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kbind import datasets as datasets
    from kbind.activity import Activity as Activity
    from kbind.activity import activity as activity
    from kbind.dataset import Dataset as Dataset
    from kbind.dataset import open_dataset as open_dataset
    from kbind.errors import ArgumentError as ArgumentError
    from kbind.errors import DatasetError as DatasetError
    from kbind.errors import KbindError as KbindError
    from kbind.figures import plot_cohort_heatmap as plot_cohort_heatmap
    from kbind.figures import plot_lifecycle as plot_lifecycle
    from kbind.figures import plot_retention_curves as plot_retention_curves
    from kbind.retention import CohortRetention as CohortRetention
    from kbind.retention import Lifecycle as Lifecycle
    from kbind.retention import Rate as Rate
    from kbind.retention import churn_rate as churn_rate
    from kbind.retention import cohort_retention as cohort_retention
    from kbind.retention import lifecycle as lifecycle
    from kbind.retention import rescale_churn as rescale_churn
    from kbind.retention import retention_rate as retention_rate

__version__ = "0.1.0"

_HOMES = {
    "Activity": "kbind.activity",
    "activity": "kbind.activity",
    "Dataset": "kbind.dataset",
    "open_dataset": "kbind.dataset",
    "ArgumentError": "kbind.errors",
    "DatasetError": "kbind.errors",
    "KbindError": "kbind.errors",
    "plot_cohort_heatmap": "kbind.figures",
    "plot_lifecycle": "kbind.figures",
    "plot_retention_curves": "kbind.figures",
    "CohortRetention": "kbind.retention",
    "Lifecycle": "kbind.retention",
    "Rate": "kbind.retention",
    "churn_rate": "kbind.retention",
    "cohort_retention": "kbind.retention",
    "lifecycle": "kbind.retention",
    "rescale_churn": "kbind.retention",
    "retention_rate": "kbind.retention",
}
_MODULES = ("datasets",)

__all__ = [*_HOMES, *_MODULES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"kbind.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'kbind' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
