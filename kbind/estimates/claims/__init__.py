"""What is said about loyal customers in general, held against one company's own data."""

from kbind.estimates.claims.result import Check as Check
from kbind.estimates.claims.result import Claims as Claims
from kbind.estimates.claims.result import claims as claims
