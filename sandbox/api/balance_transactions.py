"""Balance transactions: what each charge, refund, dispute and payout did to the balance, with Stripe's fee."""

import json

from sandbox import cards, fees, ids, params
from sandbox.api import listing
from sandbox.api.call import Call, pick
from sandbox.store import Body

DAY = 24 * 3600
# Of a chargeback, in the account's currency; Stripe, "Dispute fees", https://support.stripe.com (read 2026-11-26).
DISPUTE_FEE = 1500


def add_for_charge(call: Call, charge: Body, card: cards.Card) -> Body:
    fee = fees.fee(charge["amount"], charge["currency"], card, nonprofit=call.options.nonprofit_fees)
    detail = _fee_detail(fee, charge["currency"], "Stripe processing fees")
    kind, is_instant = ("charge", "charge"), card.instantly_available
    return _add(call, charge, kind, charge["amount"], charge["description"], detail=detail, at_once=is_instant)


def add_for_refund(call: Call, refund: Body, description: str) -> Body:
    """Money goes back; the fee of the charge does not."""
    return _add(call, refund, ("refund", "refund"), -refund["amount"], description)


def add_for_failed_refund(call: Call, refund: Body) -> Body:
    """The bank sent it back to us."""
    described = f"REFUND FAILURE FOR CHARGE ({refund['charge']})"
    return _add(call, refund, ("refund_failure", "refund_failure"), refund["amount"], described)


def add_for_withdrawal(call: Call, dispute: Body) -> Body:
    """A chargeback takes the disputed amount and a fee at once."""
    detail = _fee_detail(DISPUTE_FEE, dispute["currency"], "Dispute fee")
    described = f"Chargeback withdrawal for {dispute['charge']}"
    return _add(call, dispute, ("adjustment", "dispute"), -dispute["amount"], described, detail=detail)


def add_for_reinstatement(call: Call, dispute: Body, amount: int, *, is_fee_back: bool) -> Body:
    """What a dispute that was won gives back; the fee only where the account's country has it so."""
    detail = _fee_detail(-DISPUTE_FEE, dispute["currency"], "Dispute fee refund") if is_fee_back else None
    described = f"Chargeback reversal for {dispute['charge']}"
    return _add(call, dispute, ("adjustment", "dispute_reversal"), amount, described, detail=detail)


def add_for_payout(call: Call, payout: Body) -> Body:
    return _add(call, payout, ("payout", "payout"), -payout["amount"], "STRIPE PAYOUT", at_once=True)


def add_for_failed_payout(call: Call, payout: Body) -> Body:
    return _add(call, payout, ("payout_failure", "payout_reversal"), payout["amount"], "PAYOUT FAILURE", at_once=True)


def add_for_account(call: Call, amount: int, currency: str, description: str) -> Body:
    """A fee of the account itself, of no charge."""
    source: Body = {"id": None, "currency": currency}
    return _add(call, source, ("stripe_fee", "fee"), -amount, description, at_once=True)


def _fee_detail(amount: int, currency: str, description: str) -> Body:
    return {
        "amount": amount,
        "application": None,
        "currency": currency,
        "description": description,
        "type": "stripe_fee",
    }


def _add(
    call: Call,
    source: Body,
    kind: tuple[str, str],
    amount: int,
    description: str | None,
    *,
    detail: Body | None = None,
    at_once: bool = False,
) -> Body:
    """kind: Stripe's type and reporting category. detail: the fee, if there is one."""
    fee = detail["amount"] if detail else 0
    midnight = call.now - call.now % DAY
    return call.store.add(
        {
            "id": ids.new("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": call.now if at_once else midnight + 2 * DAY,
            "balance_type": "payments",
            "created": call.now,
            "currency": source["currency"],
            "description": description,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": [detail] if detail else [],
            "net": amount - fee,
            "reporting_category": kind[1],
            "source": source["id"],
            "status": "available" if at_once else "pending",
            "type": kind[0],
        }
    )


def retrieve(call: Call, identifier: str) -> Body:
    params.check({"expand": params.EXPAND}, call.params)
    return as_of(call, call.store.get("balance_transaction", identifier, param="id", in_path=True))


def as_of(call: Call, entry: Body) -> Body:
    return entry | {"status": "available" if entry["available_on"] <= call.now else "pending"}


def unpaid(call: Call) -> list[Body]:
    """Those that no payout has taken yet, oldest first."""
    rows = call.store.query(
        "SELECT body FROM objects WHERE object = 'balance_transaction'"
        " AND json_extract(hidden, '$.taken_by') IS NULL ORDER BY seq"
    )
    return [json.loads(row["body"]) for row in rows]


def take(call: Call, entry: Body, payout: Body) -> None:
    """The payout has this one inside. Only automatic payouts can be asked what is inside."""
    call.store.save(entry, {"taken_by": payout["id"], "is_listed": payout["automatic"]})


def list_all(call: Call) -> Body:
    spec = {**params.PAGE, **dict.fromkeys(("currency", "payout", "source", "type"), params.TEXT)}
    asked = params.check(spec, call.params)
    wanted = pick(asked, "currency", "source", "type")
    inside = _inside(call, asked["payout"]) if "payout" in asked else None

    def suits(body: Body) -> bool:
        is_inside = inside is None or body["id"] in inside
        return is_inside and all(body[key] == value for key, value in wanted.items())

    found = listing.page(call, "balance_transaction", "/v1/balance_transactions", asked, suits)
    return found | {"data": [as_of(call, entry) for entry in found["data"]]}


def _inside(call: Call, payout: str) -> set[str]:
    call.store.get("payout", payout, param="payout")
    rows = call.store.query(
        "SELECT id FROM objects WHERE object = 'balance_transaction'"
        " AND json_extract(hidden, '$.taken_by') = ? AND json_extract(hidden, '$.is_listed')",
        payout,
    )
    return {row["id"] for row in rows}
