"""What the cells of other platforms' files say: amounts, dates, kinds, states, as people and programs write them."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache

from donations.countries import COUNTRIES
from nonprofit import clock, money


class Fault(ValueError):
    """A cell that cannot be read. The text is for people; the value itself is added by whoever shows it."""


# ISO 4217, without those of three decimal places, which our money does not count in.
_CURRENCIES = """
aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf
clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel ghs gip gmd gnf gtq gyd hkd hnl htg
huf idr ils inr isk jmd jpy kes kgs khr kmf krw kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop
mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd
scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd
xof xpf yer zar zmw
"""
CURRENCIES = frozenset(_CURRENCIES.split())
SYMBOLS = {"€": "eur", "£": "gbp", "¥": "jpy", "₹": "inr", "US$": "usd", "CA$": "cad", "C$": "cad", "A$": "aud"}
DOLLARS = frozenset({"usd", "cad", "aud", "nzd", "sgd", "hkd", "mxn", "brl"})
NUMBER = re.compile(r"\d+(?:[.,\d]*\d)?[.,]?")
PLAIN = re.compile(r"\d{1,12}(?:\.\d{1,2})?")
AROUND = re.compile(r"^([A-Za-z$€£¥₹]*)\s*([\d.,' \u00a0\u202f]+?)\s*([A-Za-z€£¥₹$]*)$")
MOST = 10**12


def amount(text: str, currency: str, usual: str) -> tuple[int, str]:
    """(minor units, currency) of "25", "$1,234.50", "25,50 €", "USD 25.00", "1.234,56".

    currency: what the row's own column says, "" without one; usual: what is meant when nothing says. Raises Fault.
    """
    if PLAIN.fullmatch(text):
        code = currency or usual
        return _minor(text, code), code
    if text.startswith(("-", "(", "−")) or text.endswith(("-", ")")):
        raise Fault("This is below zero, so it is no gift. Take the row out, or record it at the desk.")
    found = AROUND.match(text)
    if not found:
        raise Fault("This is no amount. Write it like 25 or 1,234.50.")
    said = _currency_said(found[1], found[3], currency or usual)
    if said and currency and said != currency:
        raise Fault(f"The amount says {said.upper()} and the currency column {currency.upper()}.")
    code = said or currency or usual
    return _minor(_plain_number(re.sub(r"[' \u00a0\u202f]", "", found[2])), code), code


def _currency_said(before: str, after: str, likely: str) -> str:
    said = ""
    for word in (before, after):
        if not word:
            continue
        code = SYMBOLS.get(word.upper()) or (likely if word == "$" and likely in DOLLARS else "")
        if word == "$" and not code:
            code = "usd"
        stripped = word.strip("$€£¥₹").lower()
        code = code or (stripped if stripped in CURRENCIES else "")
        if not code or (said and said != code):
            raise Fault("This is no amount, or one in a currency we do not know. Write it like 25 or 1,234.50.")
        said = code
    return said


def _plain_number(digits: str) -> str:
    """The number with a point where its decimals begin. Raises Fault where that could be guessed in two ways."""
    last = max(digits.rfind("."), digits.rfind(","))
    if last < 0:
        return digits
    mark, other = digits[last], "," if digits[last] == "." else "."
    whole, decimals = digits[:last], digits[last + 1 :]
    if other in whole:
        if mark in whole or not re.fullmatch(rf"\d{{1,3}}(?:{re.escape(other)}\d{{3}})+", whole):
            raise Fault("This is no amount. Write it like 25 or 1,234.50.")
        return whole.replace(other, "") + "." + decimals
    if mark in whole or (mark == "," and len(decimals) == 3):
        if not re.fullmatch(rf"\d{{1,3}}(?:{re.escape(mark)}\d{{3}})+", digits):
            raise Fault("This is no amount. Write it like 25 or 1,234.50.")
        return digits.replace(mark, "")
    if len(decimals) == 3:
        raise Fault("This could be thousands or decimals. Write 1234.00 or 1.23.")
    return whole + "." + decimals


def _minor(number: str, code: str) -> int:
    minor = Decimal(number if number[-1:] != "." else number[:-1]).scaleb(money.places(code))
    if minor != minor.to_integral_value():
        raise Fault(f"{code.upper()} has no such small part: at most {money.places(code)} digits after the point.")
    if not minor:
        raise Fault("The amount is zero.")
    if minor >= MOST:
        raise Fault("The amount is too large to be true.")
    return int(minor)


def fee(text: str, currency: str) -> int:
    """The platform's fee in minor units, written with or without a minus; 0 for none. Raises Fault."""
    plain = text.strip("-−() ")
    if not plain or not plain.strip("$€£¥0., "):
        return 0
    return amount(plain, currency, currency)[0]


def currency(text: str) -> str:
    """The lower-case code. Raises Fault."""
    code = text.lower()
    if code in CURRENCIES:
        return code
    if text in SYMBOLS:
        return SYMBOLS[text]
    if text == "$":
        return "usd"
    raise Fault("We do not know this currency. Write its code, like USD or EUR.")


MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("jan", "january"),
            ("feb", "february"),
            ("mar", "march"),
            ("apr", "april"),
            ("may",),
            ("jun", "june"),
            ("jul", "july"),
            ("aug", "august"),
            ("sep", "sept", "september"),
            ("oct", "october"),
            ("nov", "november"),
            ("dec", "december"),
        ),
        start=1,
    )
    for name in names
}
ISO_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
NUMBERED_DAY = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})")
MONTH_FIRST = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})")
DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\.?[ -]([A-Za-z]{3,9})\.?,?[ -](\d{4})")
# What may stand after the day: a time, and perhaps a zone in words, which is taken for the organization's own.
TIME = re.compile(r"[,T ]*\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?(?: ?[A-Z]{2,5})?")
INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)? ?(Z|UTC|GMT|[+-]\d\d:?\d\d)")
EARLIEST = date(1950, 1, 1)


def day(text: str, order: str, today: date) -> date:
    """The day of "2026-11-23", "11/23/2026", "Nov 23, 2026 10:22", "2026-11-24T01:10:00Z" (here, that is the 23rd).

    order: "mdy" or "dmy", for days in numbers. An instant with its zone becomes the organization's date (domain
    rule 6); one without is taken as it stands. Raises Fault.
    """
    instant = INSTANT.fullmatch(text)
    found = clock.local_date(_instant(instant)) if instant else _day(text, order)
    if found > today:
        raise Fault("This day has not come yet.")
    if found < EARLIEST:
        raise Fault("This day is too long ago to be true.")
    return found


def _instant(parts: "re.Match[str]") -> datetime:
    zone = "+00:00" if parts[3] in ("Z", "UTC", "GMT") else parts[3]
    try:
        return datetime.fromisoformat(f"{parts[1]}T{parts[2]}{zone}").astimezone(UTC)
    except ValueError as error:
        raise Fault("There is no such day or time.") from error


def _day(text: str, order: str) -> date:
    if (found := ISO_DAY.match(text)) and _is_rest_a_time(text, found):
        return _real(int(found[1]), int(found[2]), int(found[3]))
    if (found := NUMBERED_DAY.match(text)) and _is_rest_a_time(text, found):
        first, second, year = int(found[1]), int(found[2]), int(found[3])
        year += 2000 if year < 70 else 1900 if year < 100 else 0
        month, number = (first, second) if order == "mdy" else (second, first)
        if month > 12 >= number:
            raise Fault("There is no such month. Are days and months the other way round in this file?")
        return _real(year, month, number)
    if (found := MONTH_FIRST.match(text)) and _is_rest_a_time(text, found) and found[1].lower() in MONTHS:
        return _real(int(found[3]), MONTHS[found[1].lower()], int(found[2]))
    if (found := DAY_FIRST.match(text)) and _is_rest_a_time(text, found) and found[2].lower() in MONTHS:
        return _real(int(found[3]), MONTHS[found[2].lower()], int(found[1]))
    raise Fault("This is no date. Write it like 2026-11-23.")


def _is_rest_a_time(text: str, found: "re.Match[str]") -> bool:
    rest = text[found.end() :]
    return not rest or TIME.fullmatch(rest) is not None


def _real(year: int, month: int, number: int) -> date:
    try:
        return date(year, month, number)
    except ValueError as error:
        raise Fault("There is no such day.") from error


KINDS = {
    "card": "card credit creditcard debitcard debit visa mastercard amex americanexpress discover paypal venmo stripe "
    "applepay googlepay cardpayment onlinecard online donation creditdebit wallet",
    "check": "check cheque personalcheck checkbymail paper",
    "cash": "cash",
    "money_order": "moneyorder",
    "wire": "wire ach banktransfer bankaccount usbankaccount directdebit sepa sepadebit eft bank bankdebit ideal plaid",
    "phone": "phone cardbyphone moto virtualterminal telephone",
    "daf": "daf donoradvisedfund dafgrant dafpay",
    "foundation": "foundation foundationgrant grant",
    "ira": "ira qcd iracharitabledistribution",
    "match": "match employermatch matchinggift matching",
    "payroll": "payroll payrollgiving workplacegiving",
    "bequest": "bequest estate legacy",
    "other": "other",
}
KIND_WORDS = {word: kind for kind, words in KINDS.items() for word in words.split()}
_PROPERTY_WORDS = """
stock securities shares crypto cryptocurrency bitcoin inkind goods giftinkind vehicle car services
property
"""
PROPERTY_WORDS = frozenset(_PROPERTY_WORDS.split())


@lru_cache(maxsize=1024)
def kind(text: str) -> str:
    """The Gift.Kind. Raises Fault for property, which has no amount here, and for words nobody knows."""
    word = _word(text)
    if word in KIND_WORDS:
        return KIND_WORDS[word]
    if word in PROPERTY_WORDS:
        raise Fault("Stock, coins and goods have facts and no amount of their own: record them in a batch at the desk.")
    # "Visa ending 4242", "PayPal Express Checkout payment"
    for known in ("paypal", "visa", "mastercard", "amex", "card", "check", "bank", "ach"):
        if word.startswith(known):
            return KIND_WORDS.get(known, "card")
    raise Fault("We do not know this kind. Write card, check, cash, wire, DAF, IRA, match, payroll or other.")


FREQUENCIES = {
    "once": "once onetime onetimedonation onetimegift single no false 0 donation nonrecurring none",
    "monthly": "monthly month recurring yes true 1 everymonth recurringmonthly monthlydonation unlimited",
    "yearly": "yearly year annual annually annualdonation everyyear recurringyearly",
}
FREQUENCY_WORDS = {word: frequency for frequency, words in FREQUENCIES.items() for word in words.split()}


@lru_cache(maxsize=1024)
def frequency(text: str) -> str:
    """ "once", "monthly" or "yearly"; "" for another rhythm, which we do not have."""
    return FREQUENCY_WORDS.get(_word(text), "")


_DONE = """
completed complete succeeded success successful paid settled cleared approved processed received captured
active posted accepted donated
"""
DONE = frozenset(_DONE.split())


@lru_cache(maxsize=1024)
def require_done(text: str) -> None:
    """Raises Fault unless the platform had the money."""
    if _word(text) not in DONE:
        raise Fault("Only gifts whose money arrived come in. Take the row out.")


YES = frozenset(["yes", "true", "1", "y", "x", "anonymous"])
NO = frozenset(("no", "false", "0", "n", "", "notanonymous"))


@lru_cache(maxsize=1024)
def flag(text: str) -> bool:
    """Yes or no. Raises Fault."""
    word = _word(text)
    if word in YES:
        return True
    if word in NO:
        return False
    raise Fault("Write yes or no.")


def _word(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


COUNTRY_WORDS: dict[str, str] = {_word(name): code for code, name in COUNTRIES}
COUNTRY_WORDS |= {code.lower(): code for code, _ in COUNTRIES}
COUNTRY_WORDS |= {"usa": "US", "unitedstatesofamerica": "US", "uk": "GB", "greatbritain": "GB", "england": "GB"}


@lru_cache(maxsize=1024)
def country(text: str) -> str:
    """The ISO 3166-1 code. Raises Fault."""
    try:
        return COUNTRY_WORDS[_word(text)]
    except KeyError:
        raise Fault("We do not know this country. Write its code, like US or CA.") from None


EMAIL = re.compile(r"[^@\s<>(),;:\"\[\]\\]+@[^@\s<>(),;:\"\[\]\\.]+(?:\.[^@\s<>(),;:\"\[\]\\.]+)+")


def email(text: str) -> str:
    """The address as it is compared: lower case. Raises Fault."""
    address = text.lower()
    if len(address) > 254 or ".." in address or not EMAIL.fullmatch(address):
        raise Fault("This is no e-mail address.")
    return address
