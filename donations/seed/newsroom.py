"""The Harbor Light: organisation, funds, campaigns and the texts of More Ways to Give. All of it fictional."""

from datetime import date

from donations.models import AccountDetail, Campaign, Fund, Way
from nonprofit.models import Organization


def organization() -> Organization:
    return Organization.objects.create(
        pk=1,
        name="The Harbor Light",
        legal_name="The Harbor Light, Inc.",
        ein="00-1234567",
        tagline="Independent news for Port Haven, paid for by its readers",
        email="giving@harborlight.example",
        phone="(555) 010-0142",
        website="https://harborlight.example",
        address_line1="1 Pier Street",
        address_line2="Second floor",
        city="Port Haven",
        region="ME",
        postal_code="04000",
        country="US",
        brand_color="#111111",
        accent_color="#b3261e",
        signatory_name="Ruth Okafor",
        signatory_title="Publisher",
        receipt_thanks=(
            "Thank you. Because of you a reporter sits in the room when the city decides, and the archive, the phone "
            "line and every story stay free for all of Port Haven."
        ),
    )


def funds() -> list[Fund]:
    return Fund.objects.bulk_create(
        [
            Fund(code="100-GEN", name="General support", position=1),
            Fund(code="210-INV", name="Investigations", restriction=Fund.Restriction.PURPOSE, position=2),
            Fund(code="220-SCH", name="Local schools desk", restriction=Fund.Restriction.PURPOSE, position=3),
            Fund(code="230-SEA", name="Coast and climate", restriction=Fund.Restriction.PURPOSE, position=4),
            Fund(
                code="900-END",
                name="Endowment",
                restriction=Fund.Restriction.PERPETUAL,
                is_offered=False,
                position=9,
            ),
        ]
    )


def campaigns(general: Fund, schools: Fund, today: date) -> list[Campaign]:
    short = f"{today.year % 100:02d}"
    return Campaign.objects.bulk_create(
        [
            Campaign(
                slug="year-end",
                code=f"YE{short}",
                name=f"Year end {today.year}",
                is_default=True,
                heading="Keep the light on in Port Haven",
                intro="Eleven reporters, no owner, no paywall. Readers pay for this newsroom, and nobody else decides.",
                about_money=(
                    "Of every dollar, **82 cents** pay for reporting, 11 cents for keeping the site and the office "
                    "running, and 7 cents for raising the next one. Our accounts are public every March."
                ),
                thanks=(
                    "Tonight's council meeting has a reporter in it because of you. **$25 pays for one records "
                    "request; $100 for a day in court.**"
                ),
                fund=general,
            ),
            Campaign(
                slug="schools",
                code=f"SCH{short}",
                name="Local schools desk",
                heading="A reporter for every school board meeting",
                intro="Four districts, forty-one schools, one reporter. Help us hire the second.",
                about_money="Gifts here pay for the schools desk and for nothing else.",
                thanks="Parents will read what was decided, and why, the same evening. That is your doing.",
                amounts_once=[3000, 6000, 12000, 30000],
                amounts_monthly=[500, 1000, 2000, 4000],
                fund=schools,
            ),
        ]
    )


CHECK = """Make your check payable to **The Harbor Light, Inc.** and mail it to

{address}

Write what it is for in the memo line, or print our reply slip and put it in the envelope. A check counts on the day
it is mailed; we send a receipt when it arrives."""

PHONE = """Call **(555) 010-0142**, Monday to Friday, 9 a.m. to 5 p.m. Eastern. A person answers. We can take a card
gift, set up or change a monthly gift, or help when something on this site did not work.

Please never put a card number in an e-mail or in a letter."""

STOCK = """Shares you have held for more than a year can be given without selling them first. Ask your broker to
transfer them to our account and tell us the name of the stock and the number of shares: transfers reach us without
a name.

Your receipt names the stock, the number of shares and the day they arrived; its value is for your tax
adviser."""

DAF = """Recommend a grant from your donor-advised fund at Fidelity Charitable, Schwab, Vanguard or your community
foundation with our legal name, **The Harbor Light, Inc.**, and our EIN, **00-1234567**.

The fund's sponsor is the legal donor and already gave you a receipt, so we send you our thanks and not another one."""

IRA = """If you are 70½ or older you can give from your IRA straight to us. Ask your custodian for a *qualified
charitable distribution* to The Harbor Light, Inc., EIN 00-1234567, mailed to the address above. Ask them to put
your name on the check: otherwise we cannot tell whom to thank. We send a letter for your records."""

MATCH = """Many employers double what their people give. Look for "matching gifts" on your company's intranet, or
ask human resources; our EIN is **00-1234567**. Send us the form, and we confirm your gift the same week."""

WIRE = """For gifts of $5,000 or more a bank transfer costs less than a card. We never send bank details by e-mail
without a call: if you receive such a message, please tell us."""

LEGACY = """A sentence in your will is enough: *"I give to The Harbor Light, Inc., a nonprofit corporation in Port
Haven, Maine, EIN 00-1234567, the sum of $____ (or ____ percent of my estate)."* If you tell us, we can thank you
now. You can change your mind at any time, and we never ask to see the will."""


def ways(who: Organization) -> list[Way]:
    texts = [
        (Way.Kind.CHECK, "By check", CHECK),
        (Way.Kind.PHONE, "By phone", PHONE),
        (Way.Kind.STOCK, "Stock and mutual funds", STOCK),
        (Way.Kind.DAF, "Donor-advised fund", DAF),
        (Way.Kind.IRA, "From your IRA", IRA),
        (Way.Kind.MATCH, "Employer match", MATCH),
        (Way.Kind.WIRE, "Bank transfer", WIRE),
        (Way.Kind.LEGACY, "In your will", LEGACY),
    ]
    address = "\n".join([who.name, *who.address_lines])
    made = Way.objects.bulk_create(
        [
            Way(kind=kind, title=title, body=_flowing(body).replace("{address}", address), position=number)
            for number, (kind, title, body) in enumerate(texts, start=1)
        ]
    )
    AccountDetail.objects.bulk_create(
        AccountDetail(way=way, label=label, value=value, position=number)
        for way in made
        for number, (label, value) in enumerate(ACCOUNTS.get(way.kind, ()), start=1)
    )
    return made


# No bank has these numbers.
ACCOUNTS: dict[str, tuple[tuple[str, str], ...]] = {
    Way.Kind.STOCK: (
        ("Broker", "Breakwater Brokerage"),
        ("DTC number", "0000"),
        ("Account", "000-00042"),
        ("Account name", "The Harbor Light, Inc."),
    ),
    Way.Kind.WIRE: (
        ("Bank", "Port Haven Savings Bank"),
        ("Routing number", "000000000"),
        ("Account", "00000042"),
        ("Account name", "The Harbor Light, Inc."),
    ),
}


def _flowing(text: str) -> str:
    """Each paragraph on one line, as staff type it: a line break of theirs is a line break on the page."""
    return "\n\n".join(" ".join(paragraph.split("\n")) for paragraph in text.split("\n\n"))
