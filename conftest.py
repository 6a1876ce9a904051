"""Shared by tests and doctests: each set of example data is opened once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, wraps

import pytest

from kbind import datasets
from kbind.dataset.dataset import Dataset


@pytest.fixture(scope="session", autouse=True)
def _example_data_opened_once() -> Iterator[None]:
    """Give everybody who loads example data the same data set, which does not change: opening it takes a second."""
    with pytest.MonkeyPatch.context() as patch:
        for load in (datasets.load_grocery, datasets.load_telco, datasets.load_saas, datasets.load_counts):
            patch.setattr(datasets, load.__name__, _once(load))
        yield


def _once(load: Callable[..., Dataset]) -> Callable[..., Dataset]:
    loaded = lru_cache(maxsize=None, typed=True)(load)  # 0 is not False here

    @wraps(load)
    def _load(*args: object, **kwargs: object) -> Dataset:
        try:
            return loaded(*args, **kwargs)
        except TypeError:  # an argument that cannot be remembered: whatever it is, the function says so
            return load(*args, **kwargs)

    return _load
