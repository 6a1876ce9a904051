"""Whether types may be told: by hand, in a world without types, and in one with them."""

from __future__ import annotations

import numpy as np
import pytest

import kbind as kb
from kbind.bonds.contexts import BONDS
from kbind.bonds.items import Answers, Item
from kbind.bonds.validity import Validity, _agreement, _alpha, _htmt, validity_of
from kbind.dataset.provenance import Provenance
from simulations.company import simulate_saas

NOWHERE = Provenance("drawn", None, None)


def judged(scores: np.ndarray, items: int = 3, resamples: int = 50) -> Validity:
    """Validity of items that follow the scores with a loading of .8."""
    rng = np.random.default_rng(5)
    x = 0.8 * np.repeat(scores, items, axis=1) + 0.6 * rng.normal(size=(len(scores), len(BONDS) * items))
    asked = tuple(Item(bond, f"bond_{bond}_{k}") for bond in BONDS for k in range(items))
    answers = Answers(asked, (1.0, 7.0), np.clip(np.rint(4 + 1.4 * x), 1, 7))
    return validity_of(answers, resamples, np.random.default_rng(0), 0.95, NOWHERE)


def test_six_bonds_are_told_apart() -> None:
    found = judged(np.random.default_rng(1).normal(size=(400, 6)))
    assert found.passed
    assert found.reasons == ()
    assert found.htmt["htmt"].max() < 0.3
    assert (found.htmt["htmt_ci_lower"] <= found.htmt["htmt"]).all()
    assert found.reliability["alpha"].between(0.76, 0.88).all()
    assert found.reliability["omega"].to_numpy() == pytest.approx(found.reliability["alpha"].to_numpy(), abs=0.02)
    assert 0.4 < found.kappa.ci_lower < found.kappa.value < found.kappa.ci_upper
    assert len(found.to_frame()) == 6


def test_the_stepped_up_kappa_is_that_of_two_whole_questionnaires() -> None:
    rng = np.random.default_rng(2)
    scores = rng.normal(size=(20_000, 6))
    forms = [0.8 * scores + 0.6 * rng.normal(size=(3, *scores.shape)).mean(axis=0) for _ in range(2)]
    labels = [form.argmax(axis=1) for form in forms]
    whole = _agreement(labels[0], labels[1], np.ones((1, 20_000)), 6)[0]
    assert judged(scores[:8000], resamples=20).kappa.value == pytest.approx(whole, abs=0.04)


def test_one_factor_is_refused_for_both_reasons() -> None:
    rng = np.random.default_rng(3)
    found = judged(0.98 * rng.normal(size=(400, 1)) + 0.2 * rng.normal(size=(400, 6)))
    assert not found.passed
    assert found.failed == ("htmt", "kappa")
    assert "cannot be told apart" in found.reasons[0]
    assert "hardly more than chance" in found.reasons[1]
    assert "no types" in repr(found)


def test_few_respondents_and_single_items_are_refused() -> None:
    scores = np.random.default_rng(4).normal(size=(400, 6))
    assert judged(scores[:99]).failed == ("few",)
    assert judged(scores, items=1).failed == ("no_items",)
    assert np.isnan(judged(scores, items=1).kappa.value)


def test_a_world_without_types_gets_none_and_one_with_types_does() -> None:
    assert kb.bonding_scores(simulate_saas(1500, rng=1)).validity(resamples=20).passed
    found = kb.bonding_scores(simulate_saas(1500, scenario="no_types", rng=1))
    with pytest.raises(kb.NotEnoughData, match="no dominant bond is told: .* cannot be told apart"):
        found.dominant()


def test_alpha_and_htmt_by_hand() -> None:
    # two items a bond, correlation .5 within and .2 between, variances 1 and 4
    r = np.array([[1, 0.5, 0.2, -0.2], [0.5, 1, 0.2, 0.2], [0.2, 0.2, 1, 0.5], [-0.2, 0.2, 0.5, 1]])
    spread = np.array([1.0, 2.0, 1.0, 1.0])
    covariance = (r * np.outer(spread, spread))[None]
    assert _alpha(covariance, [0, 1])[0] == pytest.approx(2 * (1 - 5 / 7))
    assert _htmt(covariance, [0, 1], [2, 3])[0] == pytest.approx(0.2 / 0.5)


def test_kappa_by_hand() -> None:
    first, second = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    # agreement .75, by chance .5 * .25 + .5 * .75
    assert _agreement(first, second, np.ones((1, 4)), 2)[0] == pytest.approx((0.75 - 0.5) / 0.5)
