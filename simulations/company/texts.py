"""What customers write, in German and English, as people in a hurry write it."""

from __future__ import annotations

#: Why customers leave.
REASONS = ("price", "product", "service", "competitor", "no_need", "payment")

#: By language and reason; payments fail without a word.
FAREWELLS: dict[str, dict[str, tuple[str, ...]]] = {
    "de": {
        "price": (
            "Ist uns auf Dauer zu teuer geworden.",
            "Das Budget wurde gekürzt, wir müssen leider sparen.",
            "Für das, was wir nutzen, zahlen wir zu viel.",
        ),
        "product": (
            "Uns fehlen wichtige Funktionen, vor allem bei den Auswertungen.",
            "Die Software ist zu langsam und hängt sich oft auf.",
            "Passt nicht mehr zu unseren Abläufen.",
        ),
        "service": (
            "Auf unsere Anfrage hat wochenlang niemand reagiert.",
            "Ständig neue Ansprechpartner, keiner kennt unseren Fall.",
            "Der Support hat uns mehrfach im Stich gelassen.",
        ),
        "competitor": (
            "Wir wechseln zu einem anderen Anbieter.",
            "Ein Mitbewerber hat uns das bessere Gesamtpaket geboten.",
            "Die Konzernmutter gibt ein anderes System vor.",
        ),
        "no_need": (
            "Das Projekt ist abgeschlossen, wir brauchen es nicht mehr.",
            "Wir haben es zuletzt kaum noch genutzt.",
            "Der Geschäftsbereich wurde eingestellt.",
        ),
    },
    "en": {
        "price": (
            "Too expensive for us in the long run.",
            "Our budget was cut, so this has to go.",
            "We pay too much for the little we use.",
        ),
        "product": (
            "Key features are missing, reporting above all.",
            "The software is slow and keeps freezing.",
            "No longer fits the way we work.",
        ),
        "service": (
            "Nobody answered our request for weeks.",
            "A new contact person every few months, nobody knows our case.",
            "Support let us down more than once.",
        ),
        "competitor": (
            "We are moving to another vendor.",
            "A competitor offered the better package.",
            "Our parent company requires a different system.",
        ),
        "no_need": (
            "The project is finished, we do not need it any more.",
            "We hardly used it lately.",
            "The business unit was closed.",
        ),
    },
}

#: What people add to a score: critics, then promoters.
REMARKS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "de": (
        ("Antworten dauern zu lange.", "Zu umständlich in der Bedienung.", "Für den Preis erwarte ich mehr."),
        ("Läuft einfach, gerne weiter so.", "Toller Kontakt, man kümmert sich.", "Empfehle ich jedem weiter."),
    ),
    "en": (
        ("Replies take too long.", "Too clumsy to use.", "I expect more for the money."),
        ("It just works, keep going.", "Great people who really care.", "I recommend it to everyone."),
    ),
}
