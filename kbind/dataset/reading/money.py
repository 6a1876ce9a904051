"""Amounts of money in text: the signs and codes of currencies around a number, and minus signs of accountants."""

from __future__ import annotations

from kbind.engine.engine import Expression, literal, parse

_CODES = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
    CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK
    HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL
    MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON
    RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH
    UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWL
"""
#: Codes of currencies in use (ISO 4217).
CODES = frozenset(_CODES.split())
#: Signs that mean one currency; $, ¥ and kr are those of several.
SIGNS = {"€": "EUR", "£": "GBP", "₹": "INR", "₽": "RUB", "₺": "TRY", "₪": "ILS", "₩": "KRW", "₴": "UAH", "zł": "PLN",
         "kč": "CZK", "us$": "USD", "ca$": "CAD", "a$": "AUD", "r$": "BRL", "euro": "EUR",
         "euros": "EUR"}  # fmt: skip
_CROWNS = ("SEK", "NOK", "DKK", "ISK")
#: Signs of several currencies, and those that each may mean.
SHARED = {"$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "ARS", "CLP", "COP"), "¥": ("JPY", "CNY"),
          "kr": _CROWNS, "kr.": _CROWNS, "fr.": ("CHF",)}  # fmt: skip
#: Codes that are words as well: TOP 10 is no money.
_WORDS = {"ALL", "BOB", "CUP", "GEL", "MAD", "MOP", "PEN", "SOS", "TOP", "TRY"}

_GAP = r"[\s\x{00A0}\x{202F}]"
_MARK = rf"(?:EUROS?|[A-Z]{{0,2}}\$|zł|Kč|kr\.?|Fr\.?|{'|'.join(sorted(CODES - _WORDS))}|[€£¥₹₽₺₪₩₴])"


def without_mark(text: Expression) -> Expression:
    """A text without blanks around it, the mark of a currency, and with a minus in front where accountants set it."""
    steps = (
        (rf"^{_GAP}+|{_GAP}+$", ""),
        (rf"(?i)^([-+(]*){_GAP}*{_MARK}{_GAP}*([-+]?[\d.,])", r"\1\2"),
        (rf"(?i)^(.*\d.*?){_GAP}*{_MARK}([-)]?)$", r"\1\2"),
        (r"^(\d[\d.' ]*),[-–—]{1,2}$|^(\d[\d,' ]*)\.[-–—]{1,2}$", r"\1\2"),
        (r"^\((\d.*)\)$", r"-\1"),
        (rf"^(\d.*?){_GAP}*-$", r"-\1"),
        (rf"^([-+]){_GAP}+", r"\1"),
    )
    result = parse("replace(_x, '−', '-')", x=text)
    for pattern, by in steps:
        result = parse("regexp_replace(_x, _pattern, _by, 'g')", x=result, pattern=literal(pattern), by=literal(by))
    return result


def mark_of(text: Expression) -> Expression:
    """The mark of a currency in an amount, in capitals; empty where there is none."""
    return parse("upper(regexp_extract(_x, _pattern))", x=text, pattern=literal(f"(?i){_MARK}"))


def code_of(mark: str) -> str:
    """The code of the currency that a mark or code stands for; a mark of several currencies stays as it is."""
    tidy = mark.strip()
    return tidy.upper() if tidy.upper() in CODES else SIGNS.get(tidy.casefold(), tidy)


def is_currency(word: str) -> bool:
    """Whether a word names a currency: a code, a sign, or one of several's."""
    tidy = word.strip().casefold()
    return tidy.upper() in CODES or tidy in SIGNS or tidy in SHARED
