"""Tickets: routine ones, and serious ones handled badly, as usual, or well."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .accounts import HISTORY
from .course import Course
from .draws import Array, Draws
from .frames import FIRST_MONTH, coded, moment_in
from .scenario import Scenario

KINDS = ("question", "request", "fault", "billing")

#: Hours from opening to closing (shortest, longest): routine, handled badly, as usual, well.
HOURS = ((1, 72), (360, 960), (72, 240), (2, 36))

#: Goodwill in EUR (least, most) for what was handled well.
GOODWILL = (50, 300)


def tickets(scenario: Scenario, course: Course, present: Array, draws: Draws) -> pd.DataFrame:
    """One row a ticket; severity 1 and 2 are routine, 3 and 4 serious."""
    months = present.shape[1]
    routine = np.nonzero(present & (draws.uniform(*present.shape) < scenario.ticket_routine))
    handled = course.serious[:, HISTORY : HISTORY + months]
    serious = np.nonzero(present & (handled > 0))
    account, month = (np.concatenate(pair) for pair in zip(routine, serious, strict=True))
    how = np.concatenate([np.zeros(len(routine[0]), dtype=np.int64), handled[serious].astype(np.int64)])
    n = len(account)
    opened = moment_in(month, draws)
    shortest, longest = np.asarray(HOURS).T
    hours = draws.whole(shortest[how], longest[how], n)
    closed = opened + hours.astype("timedelta64[h]")
    end = (FIRST_MONTH + months).astype("datetime64[us]")
    low, high = GOODWILL
    goodwill = np.where(how == 3, np.round(low + (high - low) * draws.uniform(n)), 0.0)
    kind = np.where(how > 0, 2 + draws.whole(0, 1, n), draws.whole(0, 3, n))
    frame = pd.DataFrame(
        {
            "customer_id": account + 1,
            "opened": opened,
            "closed": np.where(closed < end, closed, np.datetime64("NaT")),
            "kind": coded(kind, KINDS),
            "severity": np.where(how > 0, 3, 1) + draws.whole(0, 1, n),
            "goodwill": goodwill,
        }
    )
    return frame.sort_values(["opened", "customer_id"], kind="stable", ignore_index=True)
