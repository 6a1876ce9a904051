"""What customers buy: revenue by cohort, repeat purchases, first and later orders, categories, referrals."""

from kbind.estimates.purchases.bought import Purchases, purchases
from kbind.estimates.purchases.referred import Referrals, referrals

__all__ = ["Purchases", "Referrals", "purchases", "referrals"]
