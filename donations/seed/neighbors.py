"""Who gives to The Harbor Light by mail, bank and broker: many without e-mail, and some who are no person."""

from typing import Any

from donations.models import Donor, DonorAddress, DonorEmail, DonorNote, Employer, FormerId, Tag
from nonprofit.models import User

Kind = Donor.Kind
HERE: dict[str, Any] = {"city": "Port Haven", "region": "ME", "postal_code": "04001", "country": "US"}
# By the name under which the story calls them.
PEOPLE: dict[str, dict[str, Any]] = {
    "marsh": {
        "kind": Kind.HOUSEHOLD,
        "name": "Walter and Irene Marsh",
        "salutation": "Dear Walter and Irene",
        "addressee": "Mr. Walter Marsh and Mrs. Irene Marsh",
        "phone": "(555) 010-0131",
        "address_line1": "4 Cannery Row",
    },
    "ruth": {"name": "Ruth Abbott", "phone": "(555) 010-0164", "address_line1": "88 Lighthouse Road"},
    "harold": {"name": "Harold Quimby", "phone": "(555) 010-0117", "address_line1": "7 Ropewalk Lane"},
    "lucille": {"name": "Lucille Novak", "phone": "(555) 010-0176", "address_line1": "31 Elm Street"},
    "stanley": {"name": "Stanley Winslow", "address_line1": "150 Union Avenue", "address_line2": "Apt. 9"},
    "sylvia": {"name": "Sylvia Thibodeau", "salutation": "Dear Sylvia", "address_line1": "62 Beacon Hill"},
    "beatrice": {"name": "Beatrice Sewall", "email": "beatrice.sewall@example.org", "address_line1": "9 Pier Street"},
    "owen": {"name": "Owen Lindgren", "email": "owen.lindgren@example.com", "address_line1": "203 Elm Street"},
    "joan": {"name": "Joan Castellano", "is_not_contacted": True, "address_line1": "17 Union Avenue"},
    "margaret": {"name": "Margaret Bouchard", "is_deceased": True, "address_line1": "2 Lighthouse Road"},
    "estate": {
        "kind": Kind.ESTATE,
        "name": "Estate of Margaret Bouchard",
        "addressee": "Frank Bouchard, Executor",
        "salutation": "Dear Mr. Bouchard",
        "address_line1": "Pelletier & Shaw, 40 Pier Street",
    },
    "fidelity": {
        "kind": Kind.DAF_SPONSOR,
        "name": "Fidelity Charitable",
        "wants_no_letter": True,
        "address_line1": "P.O. Box 770001",
        "city": "Cincinnati",
        "region": "OH",
        "postal_code": "45277",
        "country": "US",
    },
    "pine": {
        "kind": Kind.DAF_SPONSOR,
        "name": "Pine Tree Community Foundation",
        "email": "grants@pinetree.example",
        "address_line1": "1 Capitol Street",
        "city": "Augusta",
        "region": "ME",
        "postal_code": "04330",
        "country": "US",
    },
    "casco": {
        "kind": Kind.FOUNDATION,
        "name": "Casco Bay Family Foundation",
        "email": "office@cascobay.example",
        "address_line1": "300 Commercial Street",
    },
    "lobster": {
        "kind": Kind.COMPANY,
        "name": "Northeast Lobster Company",
        "email": "giving@nelobster.example",
        "address_line1": "Wharf 6",
    },
    "town": {"kind": Kind.GOVERNMENT, "name": "Town of Gull Rock", "address_line1": "Town Hall"},
    "old ana": {"name": "A. M. Silva", "phone": "(555) 010-0188", "address_line1": "12 Ropewalk Ln"},
}
TAGS = {
    "Founding reader": ["marsh", "ruth", "stanley"],
    "Book club": ["sylvia", "beatrice"],
    "Met the publisher": ["casco", "marsh"],
}


def settle_in(staff: User) -> dict[str, Donor]:
    """The neighbors as staff recorded them over the years, by the story's name for each."""
    made = {key: Donor.objects.create(**{**HERE, **fields}) for key, fields in PEOPLE.items()}
    for name, keys in TAGS.items():
        Tag.objects.create(name=name).donors.add(*[made[key] for key in keys])
    DonorEmail.objects.create(donor=made["owen"], email="o.lindgren@gullrock.example", purpose="work")
    DonorAddress.objects.create(
        donor=made["marsh"],
        purpose=DonorAddress.Purpose.SEASONAL,
        address_line1="1140 Palm Court",
        city="Sarasota",
        region="FL",
        postal_code="34236",
        country="US",
    )
    for key, text in (
        ("marsh", "In Sarasota from November to April. Prefers paper; no calls before ten."),
        ("joan", "Asked in a letter not to be written to or called. Receipts only."),
        ("harold", "Hard of hearing: let it ring."),
    ):
        DonorNote.objects.create(donor=made[key], text=text, author=staff)
    FormerId.objects.create(donor=made["ruth"], source="card index", value="R-1187")
    FormerId.objects.create(donor=made["marsh"], source="card index", value="M-0042")
    Employer.objects.create(
        name="Northeast Lobster Company",
        donor=made["lobster"],
        form_url="https://nelobster.example/matching",
        note="Matches dollar for dollar up to $500 a year.",
    )
    return made
