"""What customers buy: revenue by cohort, repeat purchases, first and later orders, categories, referrals."""

from kbind.estimates.purchases.bought import Purchases, purchases

__all__ = ["Purchases", "purchases"]
