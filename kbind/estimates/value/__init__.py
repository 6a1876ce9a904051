"""What a point of retention is worth, from a company's own figures."""

from kbind.estimates.value.result import FIGURES as FIGURES
from kbind.estimates.value.result import RetentionValue as RetentionValue
from kbind.estimates.value.result import retention_value as retention_value
