"""The kinds of gifts that staff record: which facts each asks for, and in which batches it comes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind of gift asks for.

    asks: columns of OfflineFacts in the order they are typed, and no others. needs: those it cannot be booked without.
    batches: codes of the batch kinds it can come in. is_property: it has no amount, a description instead.
    recognizes: who is thanked beside the legal donor ("advisor", "employee"), "" where nobody is.
    """

    asks: tuple[str, ...]
    needs: frozenset[str]
    batches: frozenset[str]
    is_property: bool = False
    recognizes: str = ""


_MAIL = ("sent_by", "postmarked_on", "received_on")
_ITEM = ("property_description", "received_on", "internal_value_minor")
_BY_BANK = frozenset({"checks", "wires"})
_CHECKS, _WIRES, _PROPERTY = frozenset({"checks"}), frozenset({"wires"}), frozenset({"property"})

KINDS: dict[str, Kind] = {
    "check": Kind(
        ("check_number", "check_on", *_MAIL, "payer_name"), frozenset({"check_number", "received_on"}), _CHECKS
    ),
    "cash": Kind(("received_on",), frozenset({"received_on"}), _CHECKS),
    "money_order": Kind(("check_number", *_MAIL), frozenset({"received_on"}), _CHECKS),
    "wire": Kind(("credited_on", "reference", "payer_name"), frozenset({"credited_on"}), _WIRES),
    # Electronic: credited_on. A certificate by mail: sent_by and its dates (receipts.md 1.1).
    "stock": Kind(
        ("ticker", "quantity", "property_description", "credited_on", *_MAIL, "reference", "internal_value_minor"),
        frozenset({"ticker", "quantity"}),
        _PROPERTY,
        is_property=True,
    ),
    "crypto": Kind(
        ("ticker", "quantity", "credited_on", "reference", "internal_value_minor"),
        frozenset({"ticker", "quantity", "credited_on"}),
        _PROPERTY,
        is_property=True,
    ),
    "daf": Kind(
        ("advised_fund", "reference", "check_number", "received_on"),
        frozenset({"received_on"}),
        _BY_BANK,
        recognizes="advisor",
    ),
    "foundation": Kind(("reference", "check_number", "received_on"), frozenset({"received_on"}), _BY_BANK),
    "ira": Kind(
        ("custodian", "check_number", "check_on", "received_on", "is_benefit_declined"),
        frozenset({"custodian", "received_on"}),
        _BY_BANK,
    ),
    "match": Kind(
        ("reference", "check_number", "received_on"), frozenset({"received_on"}), _BY_BANK, recognizes="employee"
    ),
    # credited_on: the day it was withheld from the pay; received_on: the day the remittance came.
    "payroll": Kind(("credited_on", "received_on", "reference", "check_number"), frozenset({"received_on"}), _BY_BANK),
    "in_kind": Kind(_ITEM, frozenset({"property_description", "received_on"}), _PROPERTY, is_property=True),
    "services": Kind(
        ("property_description", "received_on"),
        frozenset({"property_description", "received_on"}),
        _PROPERTY,
        is_property=True,
    ),
    "vehicle": Kind(
        ("property_description", "vehicle_number", "received_on", "internal_value_minor"),
        frozenset({"property_description", "received_on"}),
        _PROPERTY,
        is_property=True,
    ),
    "bequest": Kind(("reference", "check_number", "received_on"), frozenset({"received_on"}), _BY_BANK),
    "other": Kind(
        ("property_description", "reference", "check_number", "received_on"), frozenset({"received_on"}), _BY_BANK
    ),
}


def missing(kind: str, facts: dict[str, object]) -> list[str]:
    """The columns that a gift of `kind` cannot be booked without and that are empty in `facts`."""
    return [name for name in KINDS[kind].asks if name in KINDS[kind].needs and facts.get(name) in (None, "")]
