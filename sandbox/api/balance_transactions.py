"""Balance transactions: what each charge and refund did to the balance, with Stripe's fee."""

from sandbox import cards, fees, ids, params
from sandbox.api import listing
from sandbox.api.call import Call, pick
from sandbox.store import Body

DAY = 24 * 3600


def add_for_charge(call: Call, charge: Body, card: cards.Card) -> Body:
    fee = fees.fee(charge["amount"], charge["currency"], card, nonprofit=call.options.nonprofit_fees)
    detail = {
        "amount": fee,
        "application": None,
        "currency": charge["currency"],
        "description": "Stripe processing fees",
        "type": "stripe_fee",
    }
    return _add(call, charge, "charge", charge["amount"], fee, [detail], at_once=card.instantly_available)


def add_for_refund(call: Call, refund: Body) -> Body:
    """Money goes back; the fee of the charge does not."""
    return _add(call, refund, "refund", -refund["amount"], 0, [], at_once=False)


def _add(call: Call, source: Body, kind: str, amount: int, fee: int, details: list[Body], *, at_once: bool) -> Body:
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
            "description": source["description"],
            "exchange_rate": None,
            "fee": fee,
            "fee_details": details,
            "net": amount - fee,
            "reporting_category": kind,
            "source": source["id"],
            "status": "available" if at_once else "pending",
            "type": kind,
        }
    )


def retrieve(call: Call, identifier: str) -> Body:
    params.check({"expand": params.EXPAND}, call.params)
    return _as_of(call, call.store.get("balance_transaction", identifier, param="id", in_path=True))


def _as_of(call: Call, entry: Body) -> Body:
    return entry | {"status": "available" if entry["available_on"] <= call.now else "pending"}


def list_all(call: Call) -> Body:
    spec = {**params.PAGE, **dict.fromkeys(("currency", "payout", "source", "type"), params.TEXT)}
    asked = params.check(spec, call.params)
    wanted = pick(asked, "currency", "source", "type")

    def suits(body: Body) -> bool:
        return "payout" not in asked and all(body[key] == value for key, value in wanted.items())

    found = listing.page(call, "balance_transaction", "/v1/balance_transactions", asked, suits)
    return found | {"data": [_as_of(call, entry) for entry in found["data"]]}
