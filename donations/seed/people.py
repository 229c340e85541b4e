"""Who gives to The Harbor Light: invented people, in the scripts that real supporters write their names in."""

from dataclasses import dataclass
from random import Random
from string import ascii_lowercase

# Invented; a mix like a harbour town's, and every script a receipt must be able to print.
KNOWN = """Łukasz Żółtowski|李秀英|عمر الحسيني|Zoë Müller-Østergaard|Siobhán Ní Dhónaill|Nguyễn Thị Minh Khai
Дмитро Шевченко|ליאורה כהן|सुनीता शर्मा|김서연|山田 花子|Ελένη Παπαδοπούλου|José Ángel Ibáñez|Þóra Guðmundsdóttir
Çağla Yıldız|Анна Соколова|தமிழ்ச்செல்வி ராஜன்|ณัฐพล ศรีสุข|王小明|Fatoumata Diallo|محمد رضایی|Ngozi Adébáyọ̀
Björk & Anders Lindqvist|Մարիամ Սարգսյան|ნინო ბერიძე|আয়েশা রহমান|O’Brien Family Trust|Ana María Núñez de Balboa
Šárka Dvořáková|Ștefan Țurcanu|X Æ Tan|Mary-Kate D'Angelo-Featherstonehaugh|Jean-Luc L’Hôpital|Renée van der Meer
Ōta Kenji|Ama Owusu-Ansah|Harbor Hardware, LLC|The Whitcomb Foundation|St. Brendan’s Parish|J. R. “Bud” Kowalski Jr.
Wei Zhang 张伟|Ümit Öztürk"""

FIRST = """Alice|Bob|Charlie|Maria|James|Grace|Peter|Ruth|Samuel|Nora|Thomas|Elena|David|Hannah|Marcus|Joan
Walter|Irene|Patrick|Denise|Victor|Lucille|Frank|Teresa|Harold|Priya|Miguel|Claire|Edward|Naomi
Stanley|Beatrice|Owen|Judith|Raymond|Sylvia|Carl|Yvonne|Leon|Margaret"""

LAST = """Hale|Winslow|Pereira|Thibodeau|Castellano|Novak|Bridges|Ouellette|Marsh|Delgado|Fitzgerald|Pelletier
Shaw|Tran|Whitman|Rossi|Bouchard|Lindgren|Prescott|Doyle|Sewall|Gagnon|Abbott|Moreau|Nash|Kendall
Ferreira|Stone|Levesque|Quimby"""
PLACES = [
    ("Port Haven", "ME", "04000"),
    ("Port Haven", "ME", "04001"),
    ("Gull Rock", "ME", "04017"),
    ("East Harbor", "ME", "04032"),
    ("Portsmouth", "NH", "03801"),
    ("Boston", "MA", "02139"),
    ("Brooklyn", "NY", "11215"),
    ("Oakland", "CA", "94609"),
]
ABROAD = [("Toronto", "ON", "M5V 2T6", "CA"), ("Kraków", "", "31-042", "PL"), ("London", "", "E8 3RD", "GB")]
STREETS = [
    "Pier Street",
    "Lighthouse Road",
    "Elm Street",
    "Cannery Row",
    "Union Avenue",
    "Ropewalk Lane",
    "Beacon Hill",
]
CARDS = [("visa", 55), ("mastercard", 27), ("amex", 11), ("discover", 7)]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who gives: as typed on the form, with the card they use."""

    name: str
    email: str
    phone: str
    address_line1: str
    address_line2: str
    city: str
    region: str
    postal_code: str
    country: str
    card_brand: str
    card_last4: str


def ana() -> Person:
    """The supporter of the demo."""
    return Person(
        name="Ana Silva",
        email="ana@example.org",
        phone="(555) 010-0188",
        address_line1="12 Ropewalk Lane",
        address_line2="Apt. 3",
        city="Port Haven",
        region="ME",
        postal_code="04001",
        country="US",
        card_brand="visa",
        card_last4="4242",
    )


def crowd(count: int, chance: Random) -> list[Person]:
    """`count` people, the same ones for the same state of `chance`; everybody's e-mail differs."""
    names = _listed(KNOWN)
    pairs = [f"{first} {last}" for first in _listed(FIRST) for last in _listed(LAST)]
    names += chance.sample(pairs, count - len(names))
    chance.shuffle(names)
    return [_person(name, number, chance) for number, name in enumerate(names, start=1)]


def _listed(text: str) -> list[str]:
    return text.replace("\n", "|").split("|")


def _person(name: str, number: int, chance: Random) -> Person:
    words = ["".join(letter for letter in word if letter in ascii_lowercase) for word in name.lower().split()]
    plain = ".".join(word for word in words if word)
    local = plain if len(plain) > 3 else "reader"
    has_address = chance.random() < 0.7
    city, region, postal_code, country = (
        chance.choice(ABROAD) if chance.random() < 0.06 else (*chance.choice(PLACES), "US")
    )
    brands, weights = zip(*CARDS, strict=True)
    return Person(
        name=name,
        email=f"{local}.{number}@example.{chance.choice(['org', 'com', 'net'])}",
        phone=f"(555) 01{chance.randrange(10)}-{chance.randrange(10_000):04d}" if chance.random() < 0.3 else "",
        address_line1=f"{chance.randrange(1, 400)} {chance.choice(STREETS)}" if has_address else "",
        address_line2=f"Apt. {chance.randrange(1, 30)}" if has_address and chance.random() < 0.2 else "",
        city=city if has_address else "",
        region=region if has_address else "",
        postal_code=postal_code if has_address else "",
        country=country if has_address else "",
        card_brand=chance.choices(brands, weights)[0],
        card_last4=f"{chance.randrange(10_000):04d}",
    )
