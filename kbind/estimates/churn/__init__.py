"""Who is about to leave: a classifier with honest probabilities, and how well it would have told."""

from kbind.estimates.churn.backtest import Backtest, backtest
from kbind.estimates.churn.classifier import ChurnClassifier

__all__ = ["Backtest", "ChurnClassifier", "backtest"]
