"""What becomes of recurring revenue: retention of revenue by window, under several definitions."""

from kbind.estimates.revenue.presets import definitions
from kbind.estimates.revenue.retention import RevenueRetention, revenue_retention

__all__ = ["RevenueRetention", "definitions", "revenue_retention"]
