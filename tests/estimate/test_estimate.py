from __future__ import annotations

import numpy as np
import pytest

from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.estimate.intervals import newcombe, rate_of, stacked, wilson
from kbind.text.facts import Fact


def test_a_counted_share_unpacks_into_wilsons_interval_and_prints_its_counts() -> None:
    share = rate_of(19, 20, 0.95, "kept / all", "retention")
    assert [*share] == [float(part) for part in wilson(19, 20)]
    assert str(share).endswith("(19 of 20)")
    assert str(Estimate(0.5)) == "0.5"
    assert np.isnan([*rate_of(0, 0, 0.95)]).all()
    assert list(share.to_frame()) == ["value", "ci_lower", "ci_upper", "count", "n"]


def test_the_complement_of_those_who_stay_are_those_who_leave() -> None:
    left = rate_of(19, 20, 0.95).complement()
    assert (left.n, left.count) == (20, 1)
    assert [*left] == pytest.approx([float(part) for part in wilson(1, 20)])
    assert [*left.complement()] == pytest.approx([*rate_of(19, 20, 0.95)])
    assert Estimate(0.3).complement().count is None


def test_difference_of_shares_is_newcombes() -> None:
    found = rate_of(56, 70, 0.95).minus(rate_of(48, 80, 0.95))
    assert [*found] == [float(part) for part in newcombe(56, 70, 48, 80)]
    assert np.isnan([*rate_of(56, 70, 0.95).minus(UNKNOWN)]).all()


def test_estimates_one_below_the_other() -> None:
    np.testing.assert_array_equal(stacked([Estimate(2, 1, 3), UNKNOWN]), [[2, np.nan], [1, np.nan], [3, np.nan]])
    assert stacked([]).shape == (3, 0)


def test_a_fact_keeps_what_an_estimate_knows() -> None:
    fact = Fact.of("kept", rate_of(19, 20, 0.9, "kept / all"), "by hand")
    assert (fact.value, fact.n, fact.count, fact.conf_level) == (0.95, 20, 19, 0.9)
    assert (fact.unit, fact.definition, fact.source) == ("share", "kept / all", "by hand")
    assert Fact.of("worth", Estimate(7.5), unit="money").n is None
