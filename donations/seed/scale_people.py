"""Invented supporters by the hundred thousand: names as common and as rare as real ones, e-mails, addresses, phones."""

from random import Random


def _words(text: str) -> list[str]:
    """The words of a text; "~" is a space inside a word."""
    return [word.replace("~", " ") for word in text.split()]


FIRST = _words("""
James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph Jessica
Thomas Sarah Charles Karen Christopher Lisa Daniel Nancy Matthew Betty Anthony Margaret Mark Sandra Donald Ashley
Steven Kimberly Paul Emily Andrew Donna Joshua Michelle Kenneth Carol Kevin Amanda Brian Dorothy George Melissa
Timothy Deborah Ronald Stephanie Edward Rebecca Jason Sharon Jeffrey Laura Ryan Cynthia Jacob Kathleen Gary Amy
Nicholas Angela Eric Shirley Jonathan Anna Stephen Brenda Larry Pamela Justin Emma Scott Nicole Brandon Helen Benjamin
Samantha Samuel Katherine Gregory Christine Alexander Debra Frank Rachel Patrick Carolyn Raymond Janet Jack Maria
Dennis Olivia Jerry Heather Tyler Diane Aaron Julie Jose Joyce Adam Victoria Nathan Ruth Henry Virginia Zachary Lauren
Douglas Kelly Peter Christina Kyle Joan Noah Evelyn Ethan Judith Jeremy Andrea Walter Hannah Keith Megan Roger Cheryl
Terry Jacqueline Austin Madison Sean Teresa Gerald Sophia Carl Frances Harold Janice Dylan Grace Arthur Judy Lawrence
Beverly Jordan Denise Jesse Marilyn Bryan Charlotte Billy Doris Bruce Amber Gabriel Rose Joe Isabella Logan Diana Alan
Natalie Juan Brittany Albert Kayla Willie Jane Elijah Abigail Wayne Lori Randy Alexis Vincent Mason Tiffany Roy Ralph
Bobby Russell Łukasz Zoë Siobhán José Renée Björk Çağla Šárka Ștefan Ümit Þóra Małgorzata Jürgen Chloé Ngozi Fatoumata
Priya Wei Kenji Minh Anjali Omar Leila Yusuf Ingrid Sven Giulia Mateo Lucía Thiago Beatriz Dmitri Svetlana Aiko Haruto
Mei Jin Amara Kwame Aisha Tariq Nadia Rashid Ruta Jonas Eglė Tomasz Agnieszka
""")
LAST = _words("""
Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez Wilson Anderson
Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris Sanchez Clark Ramirez Lewis Robinson Walker Young
Allen King Wright Scott Torres Nguyen Hill Flores Green Adams Nelson Baker Hall Rivera Campbell Mitchell Carter
Roberts Gomez Phillips Evans Turner Diaz Parker Cruz Edwards Collins Reyes Stewart Morris Morales Murphy Cook Rogers
Gutierrez Ortiz Morgan Cooper Peterson Bailey Reed Kelly Howard Ramos Kim Cox Ward Richardson Watson Brooks Chavez
Wood Bennett Gray Mendoza Ruiz Hughes Price Alvarez Castillo Sanders Patel Myers Long Ross Foster Jimenez Powell
Jenkins Perry Russell Sullivan Bell Coleman Butler Henderson Barnes Fisher Vasquez Simmons Jordan Patterson Hamilton
Graham Reynolds Griffin Wallace West Cole Hayes Chen Bryant Herrera Gibson Ellis Tran Medina Stevens Murray Ford
Castro Marshall Owens Harrison Fernandez McDonald Woods Washington Kennedy Wells Vargas Henry Freeman Webb Tucker
Guzman Burns Crawford Olson Simpson Porter Hunter Gordon Mendez Silva Shaw Snyder Dixon Munoz Hunt Hicks Holmes Palmer
Wagner Black Robertson Boyd Rose Stone Salazar Fox Warren Mills Meyer Rice Schmidt Garza Daniels Ferguson Nichols
Stephens Soto Weaver Ryan Gardner Payne Grant Dunn Kelley Spencer Hawkins Pelletier Bouchard Ouellette Thibodeau
Levesque Michaud Gagnon Morin Cyr Nadeau Müller Øster Żółtowski Dvořáková O’Brien D’Angelo Castellano Lindqvist
Papadopoulou Guðmundsdóttir Yıldız Diallo Adébáyọ̀ Ibáñez Núñez Kowalski Novak Petrov Ivanova Haddad Khan Ahmed
Hussein Cohen Levy Friedman Goldberg Rosen Bianchi Rossi Ferrari Conti Moretti Andersson Johansson Nilsson Virtanen
Korhonen Jansen Visser van~Dijk de~Vries Dubois Lefebvre Fournier Sato Suzuki Tanaka Watanabe Park Choi Jung Wang Li
Zhang Liu Yang Huang Zhao Wu Zhou Whitcomb Winslow Prescott Sewall Abbott Kendall Quimby Thayer Alden Bradstreet
Peabody Endicott Saltonstall Cabot Lowell Coffin Macy Starbuck Gardiner Hathaway Swain Folger Hussey
""")
PLACES = (
    ("Port Haven", "ME", "040"),
    ("Gull Rock", "ME", "045"),
    ("East Harbor", "ME", "046"),
    ("Portsmouth", "NH", "038"),
    ("Boston", "MA", "021"),
    ("Cambridge", "MA", "021"),
    ("Providence", "RI", "029"),
    ("Hartford", "CT", "061"),
    ("Brooklyn", "NY", "112"),
    ("New York", "NY", "100"),
    ("Philadelphia", "PA", "191"),
    ("Washington", "DC", "200"),
    ("Chicago", "IL", "606"),
    ("Minneapolis", "MN", "554"),
    ("Austin", "TX", "787"),
    ("Denver", "CO", "802"),
    ("Oakland", "CA", "946"),
    ("Los Angeles", "CA", "900"),
    ("Seattle", "WA", "981"),
    ("Portland", "OR", "972"),
)
STREETS = (
    "Pier Street",
    "Lighthouse Road",
    "Elm Street",
    "Cannery Row",
    "Union Avenue",
    "Ropewalk Lane",
    "Main Street",
)
ORGANIZATIONS = (
    ("household", "{0} & {1} {2}"),
    ("household", "{0} and {1} {2}"),
    ("company", "{2} & Sons, Inc."),
    ("company", "{2} Hardware, LLC"),
    ("foundation", "The {2} Family Foundation"),
    ("estate", "Estate of {0} {2}"),
    ("daf_sponsor", "{2} Community Charitable Fund"),
    ("unknown", "Friends of {2} Harbor"),
)
NULL = r"\N"


class People:
    """Supporter number N is always the same one, whoever asks in whichever order."""

    def __init__(self, seed: int) -> None:
        chance = Random(f"{seed} people")
        # Common names are common: drawn by falling weights, as in any directory.
        self._first = chance.choices(FIRST, [1 / (20 + place) for place in range(len(FIRST))], k=9973)
        self._last = chance.choices(LAST, [1 / (30 + place) for place in range(len(LAST))], k=10007)
        self._tag = f"s{seed}"

    def named(self, number: int) -> tuple[str, str]:
        """Name and e-mail ("" for those who gave none) as typed with a gift."""
        first, last = self._first[number * 31 % 9973], self._last[number * 17 % 10007]
        if number % 20 == 19:
            pattern = ORGANIZATIONS[number // 20 % len(ORGANIZATIONS)][1]
            name = pattern.format(first, self._first[number * 7 % 9973], last)
        elif number % 3:
            name = f"{first} {last}"
        else:
            name = f"{first} {'ABCDEFGHJKLMNPRSTW'[number // 3 % 18]}. {last}"
        # Every thirteenth is a supporter by mail, without an address on the internet.
        if number % 13 == 12:
            return name, ""
        return name, f"{_plain(first)}.{_plain(last)}.{number}.{self._tag}@example.{('org', 'com', 'net')[number % 3]}"

    def row(self, number: int) -> str:
        """The supporter's columns from `kind` to `country`, as COPY reads them."""
        name, email = self.named(number)
        kind = ORGANIZATIONS[number // 20 % len(ORGANIZATIONS)][0] if number % 20 == 19 else "individual"
        phone = f"(555) 01{number // 10000 % 10}-{number % 10000:04d}" if number % 3 == 1 else ""
        if email and number % 10 < 3:  # online givers need no address
            return f"{kind}\t{name}\t{email}\t{phone}\t\t\t\t\t"
        city, region, zip3 = PLACES[number * 13 % 61 % len(PLACES)]
        street = f"{1 + number * 37 % 397} {STREETS[number * 7 % len(STREETS)]}"
        return f"{kind}\t{name}\t{email or NULL}\t{phone}\t{street}\t{city}\t{region}\t{zip3}{number * 29 % 97:02d}\tUS"


_KEPT = str.maketrans("łøżąđı", "lozadi", "’' ")


def _plain(word: str) -> str:
    """As people write their names in an address."""
    plain = _cache.get(word)
    if plain is None:
        plain = _cache[word] = (
            "".join(letter for letter in word.lower().translate(_KEPT) if letter.isascii()) or "reader"
        )
    return plain


_cache: dict[str, str] = {}
