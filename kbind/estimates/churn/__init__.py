"""Who is about to leave: a classifier, how well it would have told, whom to contact, what moves the risk."""

from kbind.estimates.churn.backtests import Backtest, backtest
from kbind.estimates.churn.classifier import ChurnClassifier
from kbind.estimates.churn.contacts import ContactList, contact_list
from kbind.estimates.churn.folds import Validation
from kbind.estimates.churn.forecast import Forecast, forecast_churn
from kbind.estimates.churn.leakage import LeakageReport, leakage_report
from kbind.estimates.churn.profit import Campaign
from kbind.estimates.churn.risk_drivers import Drivers, drivers

__all__ = [
    "Backtest",
    "Campaign",
    "ChurnClassifier",
    "ContactList",
    "Drivers",
    "Forecast",
    "LeakageReport",
    "Validation",
    "backtest",
    "contact_list",
    "drivers",
    "forecast_churn",
    "leakage_report",
]
