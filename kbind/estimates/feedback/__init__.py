"""What customers say: scores with intervals, differences between those who answer, the course of each customer."""

from kbind.estimates.feedback.score import FeedbackDifference, FeedbackScore, feedback_score
from kbind.estimates.feedback.trend import SatisfactionTrend, satisfaction_trend

__all__ = ["FeedbackDifference", "FeedbackScore", "SatisfactionTrend", "feedback_score", "satisfaction_trend"]
