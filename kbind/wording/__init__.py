"""Numbers put into words: facts, their formats in German and English, sentences, and what stays untold."""

from kbind.wording.disclosure import Disclosure
from kbind.wording.facts import Fact
from kbind.wording.messages import LANGUAGES, Catalogue
from kbind.wording.voice import Voice

__all__ = ["LANGUAGES", "Catalogue", "Disclosure", "Fact", "Voice"]
