"""What a file can tell of a gift, and under which headings the platforms say it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Field:
    """A fact of ours. headings: what plain spreadsheets call it, best first."""

    code: str
    label: str
    headings: tuple[str, ...]
    help: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A platform. headings: what its own export calls our fields, where that is not in Field.headings."""

    code: str
    label: str
    headings: dict[str, tuple[str, ...]] = field(default_factory=dict)


FIELDS = (
    Field(
        "external_id",
        "Gift's id",
        ("Donation ID", "Gift ID", "Transaction ID", "Contribution ID", "Payment ID", "ID"),
        "Makes it impossible to bring in the same gift twice.",
    ),
    Field("date", "Date", ("Donation Date", "Gift Date", "Date", "Donated At", "Created At", "Received")),
    Field("amount", "Amount", ("Donation Amount", "Gift Amount", "Amount", "Gross", "Total Amount")),
    Field("currency", "Currency", ("Currency", "Donation Currency", "Currency Code")),
    Field("fee", "Platform's fee", ("Fee", "Fees", "Total Fee", "Processing Fee", "Transaction Fee")),
    Field("name", "Full name", ("Donor Name", "Supporter Name", "Full Name", "Name", "Donor")),
    Field("first_name", "First name", ("First Name", "Donor First Name", "Given Name")),
    Field("last_name", "Last name", ("Last Name", "Donor Last Name", "Surname", "Family Name")),
    Field("email", "E-mail", ("Email", "E-mail", "Email Address", "Donor Email", "Supporter Email")),
    Field("phone", "Phone", ("Phone", "Phone Number", "Donor Phone", "Telephone", "Mobile")),
    Field("address_line1", "Address", ("Address", "Address Line 1", "Address 1", "Street", "Street Address")),
    Field("address_line2", "Address, second line", ("Address Line 2", "Address 2", "Apartment")),
    Field("city", "City", ("City", "Town", "Town/City")),
    Field("region", "State", ("State", "Region", "Province", "State / Province")),
    Field("postal_code", "ZIP code", ("ZIP", "ZIP Code", "Postal Code", "Postcode", "Zip/Postal Code")),
    Field("country", "Country", ("Country", "Country Code")),
    Field(
        "donor_external_id",
        "Supporter's id",
        ("Donor ID", "Supporter ID", "Constituent ID", "Account ID", "Contact ID"),
        "Finds the supporter again, whatever their name or e-mail is by now.",
    ),
    Field("kind", "Kind", ("Payment Method", "Payment Type", "Kind", "Method"), "Card, check, cash, wire …"),
    Field("check_number", "Check number", ("Check Number", "Check No", "Cheque Number", "Check #")),
    Field("frequency", "Once, monthly or yearly", ("Frequency", "Donation Type", "Recurring", "Recurring Interval")),
    Field("fund", "Fund", ("Fund", "Designation", "Fund Code", "Fund Name"), "Code or name of one of ours."),
    Field("campaign", "Campaign", ("Campaign", "Campaign Name", "Campaign Code", "Appeal")),
    Field("receipt_number", "Receipt it had there", ("Receipt Number", "Receipt ID", "Receipt", "Receipt No")),
    Field(
        "status",
        "State there",
        ("Status", "Payment Status", "Donation Status"),
        "Refunded, failed and pending ones are named and left out.",
    ),
    Field("anonymous", "Anonymous", ("Anonymous", "Is Anonymous", "Make Donation Anonymous")),
    Field("note", "Note", ("Comment", "Comments", "Note", "Notes", "Message", "Donor Comment")),
)
BY_CODE = {one.code: one for one in FIELDS}
# A value in one of these columns is a number by its nature; elsewhere, long digits may be somebody's card.
NUMBERS = ("external_id", "donor_external_id", "receipt_number", "check_number", "phone")

SOURCES = (
    Source(
        "fundraiseup",
        "Fundraise Up",
        {
            "fee": ("Total Fees", "Fees", "Platform Fee"),
            "fund": ("Designation Name", "Designation"),
            "frequency": ("Recurring Frequency", "Donation Frequency", "Frequency"),
            "date": ("Donation Date", "Success Date", "Created"),
        },
    ),
    Source(
        "actblue",
        "ActBlue",
        {
            # One receipt can hold several lines, each for somebody else; the line is the gift.
            "external_id": ("Lineitem ID", "Receipt ID"),
            "receipt_number": ("Receipt ID",),
            "address_line1": ("Donor Addr1",),
            "city": ("Donor City",),
            "region": ("Donor State",),
            "postal_code": ("Donor ZIP",),
            "country": ("Donor Country",),
            "campaign": ("Fundraising Page",),
            "kind": ("Card Type", "Payment Method"),
        },
    ),
    Source(
        "paypal",
        "PayPal",
        {
            "email": ("From Email Address",),
            "address_line1": ("Address Line 1",),
            "address_line2": ("Address Line 2/District/Neighborhood",),
            "region": ("State/Province/Region/County/Territory/Prefecture/Republic",),
            "phone": ("Contact Phone Number",),
            "note": ("Note", "Subject"),
            "country": ("Country Code", "Country"),
            "fund": ("Item Title",),
        },
    ),
    Source(
        "donorbox",
        "Donorbox",
        {
            "first_name": ("Donor's First Name",),
            "last_name": ("Donor's Last Name",),
            "date": ("Donated At",),
            "kind": ("Donation Type", "Payment Type"),
            "frequency": ("Recurring Donation", "Recurring"),
            "receipt_number": ("Receipt ID", "Receipt Id"),
        },
    ),
    Source("spreadsheet", "A spreadsheet"),
)
LABELS = {one.code: one.label for one in SOURCES}


def label(code: str) -> str:
    """A source as people read it; one that somebody named stays as it was named."""
    return LABELS.get(code, code)
