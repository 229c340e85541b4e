"""CSV files as other platforms write them, small and large, with faults in known places."""

import csv
import io
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

HEADINGS = [
    *("Donation ID", "Donation Date", "Donation Amount", "Currency", "Fee", "Donor Name", "Donor Email", "Address"),
    *("City", "State", "ZIP", "Country", "Supporter ID", "Payment Method", "Status", "Receipt Number", "Comment"),
]
# What is planted, in which column, and how the problem is called.
FAULTS = {
    "Donation Amount": [("abc", "no amount"), ("-25.00", "below zero"), ("0.00", "zero"), ("", "missing")],
    "Donation Date": [("2026-13-40", "no such day"), ("2099-01-01", "not come yet"), ("soon", "no date")],
    "Donor Email": [("not an address", "no e-mail address"), ("a@b", "no e-mail address")],
    "Donor Name": [("", "name is missing")],
    "Country": [("Atlantis", "do not know this country")],
    "Currency": [("QQQ", "do not know this currency")],
    "Payment Method": [("barter", "do not know this kind")],
    "Status": [("Refunded", "money arrived")],
    "Fee": [("9999999", "not smaller")],
    "Address": [("x" * 200, "too long")],
}


@dataclass
class Planted:
    """A generated file. faults: row → (column, words in the fault's text). totals: currency → [gifts, minor units]."""

    path: Path
    faults: dict[int, tuple[str, str]] = field(default_factory=dict)
    totals: dict[str, list[int]] = field(default_factory=dict)
    months: Counter[str] = field(default_factory=Counter)
    people: set[int] = field(default_factory=set)


def generate(path: Path, *, rows: int, faults: int, seed: int = 1) -> Planted:
    """A platform's export of `rows` gifts by a third as many people, `faults` of the rows each with one fault."""
    chance = random.Random(seed)
    planted = Planted(path)
    places = [(column, value, words) for column, kinds in FAULTS.items() for value, words in kinds]
    bad = dict.fromkeys(chance.sample(range(2, rows + 2), faults))
    for number, line in enumerate(sorted(bad)):
        bad[line] = places[number % len(places)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADINGS)
        for line in range(2, rows + 2):
            cells, minor, currency, person = _gift(chance, line, rows)
            if fault := bad.get(line):
                column, value, words = fault
                cells[HEADINGS.index(column)] = value
                planted.faults[line] = (column, words)
            else:
                total = planted.totals.setdefault(currency, [0, 0])
                total[0] += 1
                total[1] += minor
                planted.months[cells[1][:7]] += 1
                planted.people.add(person)
            writer.writerow(cells)
    return planted


def _gift(chance: random.Random, line: int, rows: int) -> tuple[list[str], int, str, int]:
    person = chance.randrange(max(rows // 3, 1))
    minor = chance.choice((500, 1000, 2500, 5000, 10000)) + chance.randrange(100)
    currency = "USD" if chance.random() < 0.98 else "EUR"
    day = f"{chance.randint(2019, 2025)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
    has_mail = person % 10 != 0
    cells = [
        *(f"DN{line:08}", day, f"{minor / 100:,.2f}", currency, f"{minor * 3 // 10000 + 1}.30"[:5]),
        *(f"Donor Number {person}", f"Donor{person}@Example.org" if has_mail else "", f"{person} Elm Street"),
        *("Boston", "MA", f"{person % 90000 + 10000:05}", "United States", f"S{person:07}"),
        *(
            chance.choice(("Credit Card", "PayPal", "ACH")),
            "Succeeded",
            f"R{line}",
            "Für die Zeitung" * (line % 9 == 0),
        ),
    ]
    cells[4] = "0.30"
    return cells, minor, currency.lower(), person


def small(rows: list[dict[str, str]], *, encoding: str = "utf-8", delimiter: str = ",") -> io.BytesIO:
    """A file of these rows; the headings are the first row's keys."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return io.BytesIO(text.getvalue().encode(encoding))
