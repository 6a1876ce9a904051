"""Who is about to leave: a classifier with honest probabilities, and how well it would have told."""

from kbind.estimates.churn.backtest import Backtest, backtest
from kbind.estimates.churn.classifier import ChurnClassifier
from kbind.estimates.churn.contacts import ContactList, contact_list
from kbind.estimates.churn.drivers import Drivers, drivers

__all__ = ["Backtest", "ChurnClassifier", "ContactList", "Drivers", "backtest", "contact_list", "drivers"]
