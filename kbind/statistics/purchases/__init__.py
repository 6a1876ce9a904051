"""What customers bought, reduced to sums by cohort and age, and to the days between orders."""

from kbind.statistics.purchases.counts import ORDERS, Cells, OrderValues, PurchaseCounts, Waits, count_purchases
from kbind.statistics.purchases.orders import has_column

__all__ = ["ORDERS", "Cells", "OrderValues", "PurchaseCounts", "Waits", "count_purchases", "has_column"]
