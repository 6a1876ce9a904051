"""Durations by columns, whatever they were given as: counted already, a data set, or plain arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from kbind.dataset.dataset import Dataset
from kbind.dataset.frames import frame_columns, is_frame, numbered
from kbind.dataset.groups import encode_groups, names_of
from kbind.dataset.opening import open_dataset
from kbind.dataset.provenance import Provenance
from kbind.errors import ArgumentError, did_you_mean, listed, told
from kbind.survival.arrays import durations_of, refuse, vector
from kbind.survival.durations import Durations, durations
from kbind.survival.lifetimes import LEFT
from kbind.typing import Floats, Ints, Objects

#: What is said of arrays.
PLAIN_MEANING, PLAIN = "A customer has left where event_observed says so", Provenance("arrays", None, None)
#: Customers that a row may stand for.
_MANY = 1e12


def durations_by(
    value: Any,
    by: Any = None,
    *,
    event_observed: Any = None,
    entry: Any = None,
    weights: Any = None,
    codes: bool = False,
) -> Durations:
    """Durations split by some columns. Called first by every function that takes them in any form.

    Parameters
    ----------
    value : Durations, Dataset or array_like, shape (n,)
        Arrays in any unit of time, at least 0.
    by : str, sequence of str, or of arrays array_like, DataFrame or mapping of name to array_like
        Columns, or labels of the rows. Default: those the durations are split by.
    event_observed : array_like, shape (n,)
        Of arrays only: whether the customer has left. With `codes` what the customer was lost to, 0 or missing for who
        is still there.
    entry : array_like, shape (n,), optional
        Of arrays only: age at which observation began. Default: 0.
    weights : array_like of int, shape (n,), optional
        Of arrays only: customers that a row stands for. Default: 1.
    codes : bool

    Returns
    -------
    Durations

    Raises
    ------
    ArgumentError
        Shapes that do not fit, missing values, no such column.
    """
    beside = {"event_observed": event_observed, "entry": entry, "weights": weights}
    if isinstance(value, (Durations, Dataset)):
        given = [name for name, values in beside.items() if values is not None]
        if given:
            raise ArgumentError(f"{given[0]} goes with arrays of durations only, not with a {type(value).__name__}")
        return regroup(durations(value, by=by) if isinstance(value, Dataset) else value, by)
    if event_observed is None:
        raise ArgumentError(
            f"a {type(value).__name__} is neither kb.durations(...) nor kb.open_dataset(...); allowed: these, or "
            "arrays of durations together with event_observed"
        )
    return _of_arrays(value, event_observed, entry, weights, columns_of("by", by), codes)


def plain_customers(durations: Any, event_observed: Any, entry: Any, columns: Mapping[str, Any]) -> Dataset:
    """A row of arrays each as a customer of a data set, for what has to know them one by one.

    Raises
    ------
    ArgumentError
        Shapes that do not fit, missing values, a column named like an argument.
    """
    if event_observed is None:
        raise ArgumentError(
            f"durations of type {type(durations).__name__} are no data set; allowed: kb.open_dataset(...), or arrays "
            "of durations together with event_observed"
        )
    duration, left = durations_of(durations, event_observed, "durations", "event_observed")
    lived: dict[str, Any] = {"durations": duration, "event_observed": left, "entry": _entries(entry, duration)}
    for name in lived:
        if name in columns:
            raise ArgumentError(f"a column is called {name!r}, as an argument is; allowed: another name")
    labels = {name: _labels(name, values, len(duration)) for name, values in columns.items()}
    roles = {"tenure": "durations", "churned": "event_observed", "entry": "entry"}
    return open_dataset({"customers": numbered(pa.table(lived | labels))}, roles=roles)


def columns_of(parameter: str, labels: Any) -> dict[str, Any]:
    """Labels of rows by the name of their column: a mapping or a frame as it is, one array by its own name."""
    if labels is None:
        return {}
    if isinstance(labels, Mapping):
        return {str(name): values for name, values in labels.items()}
    if is_frame(labels):
        return dict(frame_columns(labels))
    if isinstance(labels, str):
        raise ArgumentError(f"{parameter}={labels!r} is a name; allowed beside arrays: labels, one a row")
    return {str(getattr(labels, "name", None) or ("group" if parameter == "by" else parameter)): labels}


def _of_arrays(
    value: Any, event_observed: Any, entry: Any, weights: Any, columns: Mapping[str, Any], codes: bool
) -> Durations:
    """Equal rows of arrays, counted."""
    causes, cause = _causes(event_observed) if codes else ((LEFT,), None)
    duration, left = durations_of(value, event_observed if cause is None else cause > 0, "durations", "event_observed")
    begin = _entries(entry, duration)
    n = np.ones(len(duration)) if weights is None else vector("weights", weights, len(duration))
    refuse("weights", int((~((n >= 0) & (n <= _MANY) & (n == np.floor(n)))).sum()), "value that counts no customers")
    labels = {name: _labels(name, values, len(duration)) for name, values in columns.items()}
    groups, group = encode_groups(pa.table(labels) if labels else pa.table({"n": n}), tuple(labels))
    kept = n > 0
    if not kept.any():
        raise ArgumentError("weights are 0 in every row; nobody is left")
    return counted(
        Durations(
            unit="period",
            by=tuple(labels),
            groups=groups,
            causes=causes,
            group=group[kept],
            entry=begin[kept],
            duration=duration[kept],
            cause=(left.astype(np.int64) if cause is None else cause)[kept],
            n=n[kept].astype(np.int64),
            log="arrays",
            meaning=PLAIN_MEANING,
            provenance=PLAIN,
        )
    )


def _entries(entry: Any, duration: Floats) -> Floats:
    """Ages at which observation began, from 0 on."""
    begin = np.zeros(len(duration)) if entry is None else np.maximum(vector("entry", entry, len(duration)), 0.0)
    refuse("entry", int((begin > duration).sum()), "value behind the duration")
    return begin


def _causes(values: Any) -> tuple[tuple[str, ...], Ints]:
    """What customers are lost to, and the position of each one's cause from 1 on; 0: still there."""
    flat = _flat("event_observed", values)
    gone = ~pd.isna(flat)
    gone[gone] = flat[gone] != 0
    try:
        found, known = pd.factorize(flat[gone], sort=True)
    except TypeError:
        raise ArgumentError(
            f"event_observed={told(values)} mixes what cannot be sorted; allowed: 0 and codes, or text and None"
        ) from None
    cause = np.zeros(len(flat), dtype=np.int64)
    cause[gone] = found + 1
    return tuple(LEFT if code is True else str(code) for code in known.tolist()) or (LEFT,), cause


def _labels(name: str, values: Any, rows: int) -> pa.Array:
    flat = _flat(f"labels {name!r}", values, rows)
    try:
        return pa.array(flat.tolist(), from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        kinds = listed(sorted({type(value).__name__ for value in flat.tolist()}))
        raise ArgumentError(f"labels {name!r} mix {kinds}; make all of them text") from None


def _flat(where: str, values: Any, rows: int | None = None) -> Objects:
    try:
        flat = np.asarray(values, dtype=object)
    except ValueError:
        raise ArgumentError(f"{where} holds rows of different lengths; allowed: one value a row") from None
    if flat.ndim != 1 or (rows is not None and len(flat) != rows):
        raise ArgumentError(
            f"{where} has shape {flat.shape}; allowed: ({'n' if rows is None else rows},), a value a row"
        )
    return flat


def regroup(durations: Durations, by: str | Sequence[str] | None) -> Durations:
    """The same customers, split by some of the columns only; the others are summed over.

    Parameters
    ----------
    durations : Durations
        From `kb.durations`.
    by : str or sequence of str, optional
        Columns to keep. Default: all that the durations have; an empty sequence: none, all customers together.

    Returns
    -------
    Durations

    Raises
    ------
    ArgumentError
        A column that the durations are not split by.
    """
    if by is None:
        return durations
    names = names_of(by)
    for name in names:
        if name not in durations.by:
            have = f"columns: {', '.join(durations.by)}" if durations.by else "they have no columns"
            hint = did_you_mean(str(name), durations.by)
            raise ArgumentError(f"by={name!r} does not split these durations; {hint}{have}; see kb.durations(..., by=)")
    if names == durations.by:
        return durations
    columns = {name: [values[k] for values in durations.groups] for k, name in enumerate(durations.by)}
    groups, code = encode_groups(pa.table(columns), names)
    group = code[durations.group] if names else np.zeros(len(durations.group), dtype=np.int64)
    # rows that differed only in what was dropped become one
    return counted(replace(durations, by=names, groups=groups, group=group))


def counted(durations: Durations) -> Durations:
    """The same customers, equal rows put together."""
    keys = (durations.group, durations.entry, durations.cause, durations.duration)
    order = np.lexsort(keys)
    first = np.ones(len(order), dtype=bool)
    first[1:] = np.any([values[order][1:] != values[order][:-1] for values in keys], axis=0)
    kept = order[first]
    return replace(
        durations,
        group=durations.group[kept],
        entry=durations.entry[kept],
        duration=durations.duration[kept],
        cause=durations.cause[kept],
        n=np.add.reduceat(durations.n[order], np.flatnonzero(first)),
    )
