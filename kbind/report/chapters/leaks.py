"""What pages say of columns that know the outcome."""

from __future__ import annotations

from kbind.customers.leaks import Leak
from kbind.text.names import named
from kbind.text.voice import Voice

#: Levels that are named.
_NAMED = 3


def leak_text(leak: Leak, voice: Voice) -> str:
    """How a column shows the outcome; levels of few customers, such as dates, are not named."""
    column = named(leak.column)
    column = column[:1].upper() + column[1:]
    if leak.check not in ("level", "ever"):
        return voice.say(f"leaks.{leak.check}", column=column)
    enough = [
        named(level) if level != "(missing)" else voice.say("leaks.missing")
        for level, n in zip(leak.levels, leak.counts, strict=True)
        if not voice.disclosure.hides(n)
    ][:_NAMED]
    if not enough:
        return voice.say(f"leaks.{leak.check}.many", column=column, listed=voice.customers(int(leak.value)))
    levels = ", ".join(enough) + ", ..." * (len(enough) < len(leak.levels))
    return voice.say(f"leaks.{leak.check}", column=column, levels=levels, listed=voice.customers(int(leak.value)))
