"""Numbers put into words: facts, their formats in German and English, sentences, and what stays untold."""

from kbind.wording.disclosure import Disclosure
from kbind.wording.facts import Fact
from kbind.wording.features import feature_name
from kbind.wording.messages import LANGUAGES, Catalogue, upper_first
from kbind.wording.names import named
from kbind.wording.tables import Table, picked
from kbind.wording.voice import DASH, Voice

__all__ = [
    "DASH",
    "LANGUAGES",
    "Catalogue",
    "Disclosure",
    "Fact",
    "Table",
    "Voice",
    "feature_name",
    "named",
    "picked",
    "upper_first",
]
