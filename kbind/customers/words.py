"""Columns whose names say that they are protected characteristics, or the bond itself, in German and English."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from kbind.customers.levels import Attribute
from kbind.errors import ArgumentError, told

#: Grounds of discrimination of the German Equal Treatment Act (AGG, section 1) and of article 21 of the EU Charter of
#: Fundamental Rights, with the words that columns about them are named with. A word of a name has to be one of these,
#: or the name as a whole.
PROTECTED: Mapping[str, tuple[str, ...]] = {
    "age": (
        "age", "ages", "agegroup", "birth", "birthday", "birthdate", "birthyear", "dob", "yob", "born", "senior",
        "seniors", "senior_citizen", "elderly", "youth", "generation", "retired", "retiree", "pensioner", "alter",
        "altersgruppe", "altersklasse", "geburtsdatum", "geburtsjahr", "geburtstag", "geboren", "jahrgang", "rentner",
        "rente", "senioren",
    ),
    "gender": (
        "gender", "sex", "female", "male", "man", "woman", "salutation", "honorific", "pronouns", "maiden", "pregnant",
        "pregnancy", "maternity", "geschlecht", "anrede", "weiblich", "maennlich", "frau", "herr", "schwanger",
        "schwangerschaft", "mutterschutz", "geburtsname",
    ),
    "origin": (
        "origin", "ethnicity", "ethnic", "race", "racial", "nationality", "citizenship", "birthplace", "birth_country",
        "country_of_birth", "migration", "migrant", "immigrant", "mother_tongue", "native_language", "language",
        "skin_color", "skin_colour", "herkunft", "ethnie", "ethnisch", "rasse", "nationalitaet", "staatsangehoerigkeit",
        "staatsbuergerschaft", "geburtsland", "geburtsort", "migrationshintergrund", "muttersprache", "sprache",
        "hautfarbe",
    ),
    "religion": (
        "religion", "religious", "belief", "faith", "denomination", "church", "church_tax", "glaube", "konfession",
        "religionszugehoerigkeit", "weltanschauung", "kirche", "kirchensteuer",
    ),
    "disability": (
        "disability", "disabled", "handicap", "handicapped", "impairment", "health_status", "illness", "disease",
        "behinderung", "behindert", "schwerbehinderung", "schwerbehindert", "beeintraechtigung",
        "gesundheitszustand", "krankheit",
    ),
    "sexual identity": (
        "sexuality", "sexual", "sexual_orientation", "sexual_identity", "sexuelle_orientierung", "sexuelle_identitaet",
    ),
    "opinion": (
        "political", "politics", "party_membership", "trade_union", "union_member", "politisch", "parteizugehoerigkeit",
        "gewerkschaft", "gewerkschaftsmitglied",
    ),
}  # fmt: skip

#: Words of columns that hold the bond itself: who has signed for two years cannot leave, whatever else he is.
BOND = (
    "contract", "contracts", "term", "terms", "commitment", "lockin", "lock_in", "notice", "notice_period",
    "auto_renew", "autorenew", "renewal", "minimum_term", "exit_fee", "cancellation_fee", "vertrag", "vertragsart",
    "vertragsdauer", "vertragslaufzeit", "laufzeit", "mindestlaufzeit", "mindestvertragslaufzeit", "kuendigungsfrist",
    "bindung", "bindungsfrist", "verlaengerung",
)  # fmt: skip

#: Words of columns that hold what is agreed on when the contract is signed: nobody can be asked about it before.
AGREED = (
    "plan", "tariff", "seats", "discount", "price", "charges", "monthly_charges", "total_charges", "payment",
    "payment_method", "billing", "paperless", "invoice", "add_on", "addon", "extra", "tarif", "paket", "rabatt",
    "preis", "zahlungsart", "zahlungsweise", "rechnung", "zusatzleistung",
)  # fmt: skip

#: Answers that are about gender, whatever the column is called.
_GENDERS = {
    "female", "male", "diverse", "divers", "weiblich", "maennlich", "mann", "frau", "herr", "mr", "mrs", "ms", "man",
    "woman", "nonbinary", "w", "m", "d", "f", "x",
}  # fmt: skip


def protected_columns(
    attributes: Mapping[str, Attribute], words: Mapping[str, Sequence[str]] | None, insist: Iterable[str] = ()
) -> dict[str, str]:
    """Column -> the protected characteristic that it is about, without those that the user insists on."""
    kept, found, grounds = set(insist), {}, _checked(words)
    for name, attribute in attributes.items():
        if name in kept:
            continue
        # "country of birth" is about origin, though "birth" is about age: the longest word decides
        fitting = [(len(word), g) for g, known in grounds.items() for word in known if names_one(name, (word,))]
        ground = max(fitting, default=(0, ""))[1]
        answers = {_plain(level) for level in attribute.levels}
        if not ground and words is None and len(answers) > 1 and answers <= _GENDERS:
            ground = "gender"
        if ground:
            found[name] = ground
    return found


def names_one(name: str, words: Iterable[str]) -> bool:
    """Whether a column's name is made with one of the words.

    >>> names_one("Geburtsjahr_Kunde", PROTECTED["age"]), names_one("average_order", PROTECTED["age"])
    (True, False)
    >>> names_one("customerAge", PROTECTED["age"]), names_one("Kündigungsfrist (Monate)", BOND)
    (True, True)
    """
    whole = _plain(name)
    return any(re.search(rf"(^|_){re.escape(word)}(_|$)", whole) for word in words)


def _plain(text: str) -> str:
    """Small letters, words joined by underscores, ä as ae."""
    text = re.sub(r"(?<=[a-zäöüß0-9])(?=[A-ZÄÖÜ])", "_", text)
    for sign, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        text = text.casefold().replace(sign, letters)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", text).strip("_")


def _texts(known: object) -> bool:
    return isinstance(known, Sequence) and not isinstance(known, str) and all(isinstance(word, str) for word in known)


def _checked(words: Mapping[str, Sequence[str]] | None) -> dict[str, tuple[str, ...]]:
    if words is None:
        return dict(PROTECTED)
    if not isinstance(words, Mapping) or not all(isinstance(g, str) and _texts(w) for g, w in words.items()):
        raise ArgumentError(
            f'protected={told(words)} is not known; allowed: characteristic -> words, as {{"age": ["age", "born"]}}'
        )
    return {ground: tuple(_plain(word) for word in known) for ground, known in words.items()}
