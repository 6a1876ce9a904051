"""What customers bought, reduced to sums by cohort and age, and to the days between orders."""

from kbind.statistics.purchases.counts import ORDERS, Cells, OrderValues, PurchaseCounts, Waits, count_purchases

__all__ = ["ORDERS", "Cells", "OrderValues", "PurchaseCounts", "Waits", "count_purchases"]
