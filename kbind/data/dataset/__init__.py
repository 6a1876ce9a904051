"""Open a company's data: any source in, checked tables out."""

from kbind.data.dataset.config import Role, read_as_of
from kbind.data.dataset.model import Card, Dataset, check_dataset, to_instant
from kbind.data.dataset.opening import dataset_of, open_dataset
from kbind.data.dataset.truth import Truth

__all__ = [
    "Card", "Dataset", "Role", "Truth", "check_dataset", "dataset_of", "open_dataset", "read_as_of", "to_instant",
]  # fmt: skip
