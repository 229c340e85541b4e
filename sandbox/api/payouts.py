"""Payouts to the bank, and the balance they leave."""

import operator

from sandbox import errors, ids, params
from sandbox.api import balance_transactions, events, listing
from sandbox.api.call import Call, pick
from sandbox.store import Body

LIST: params.Spec = {
    **params.PAGE,
    "arrival_date": params.CREATED,
    "destination": params.TEXT,
    "status": params.enum("canceled", "failed", "in_transit", "paid", "pending"),
}
OPERATIONS = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}
FAILURE = "The bank account has been closed."


def run(call: Call, *, is_automatic: bool = True, arrives: bool = True, only_available: bool = False) -> Body:
    """The balance goes to the bank. What is still pending becomes available first, unless `only_available`.

    A balance below nothing is taken from the bank, by an automatic payout alone: https://docs.stripe.com/payouts
    """
    taken = [
        entry
        for entry in balance_transactions.unpaid(call)
        if entry["currency"] == "usd" and not (only_available and entry["available_on"] > call.now)
    ]
    amount = sum(entry["net"] for entry in taken)
    if amount == 0 or (amount < 0 and not is_automatic):
        raise errors.bad_request("There is nothing to pay out.", code="balance_insufficient")
    payout = _new(call, amount, is_automatic=is_automatic)
    for entry in taken:
        entry["available_on"] = min(entry["available_on"], call.now)
        balance_transactions.take(call, entry, payout)
    entry = balance_transactions.add_for_payout(call, payout)
    balance_transactions.take(call, entry, payout)
    payout["balance_transaction"] = entry["id"]
    call.store.save(payout)
    events.emit(call, "payout.created", payout)
    return arrive(call, payout["id"]) if arrives else payout


def _new(call: Call, amount: int, *, is_automatic: bool) -> Body:
    day = balance_transactions.DAY
    return call.store.add(
        {
            "id": ids.new("po"),
            "object": "payout",
            "amount": amount,
            "application_fee": None,
            "application_fee_amount": None,
            "arrival_date": call.now - call.now % day + 2 * day,
            "automatic": is_automatic,
            "balance_transaction": None,
            "created": call.now,
            "currency": "usd",
            "description": "STRIPE PAYOUT",
            "destination": "ba_sandbox0000000000000000",
            "failure_balance_transaction": None,
            "failure_code": None,
            "failure_message": None,
            "livemode": False,
            "metadata": {},
            "method": "standard",
            "original_payout": None,
            "payout_method": None,
            "reconciliation_status": "in_progress" if is_automatic else "not_applicable",
            "reversed_by": None,
            "source_type": "card",
            "statement_descriptor": None,
            "status": "in_transit",
            "trace_id": {"status": "pending", "value": None},
            "type": "bank_account",
        }
    )


def arrive(call: Call, identifier: str) -> Body:
    """The bank has it, today; and of an automatic payout all lines can be listed."""
    payout = _in_state(call, identifier, ("in_transit", "pending"))
    payout |= {
        "arrival_date": call.now - call.now % balance_transactions.DAY,
        "status": "paid",
        "trace_id": {"status": "supported", "value": f"0{payout['created']}"},
    }
    if payout["automatic"]:
        payout["reconciliation_status"] = "completed"
    call.store.save(payout)
    events.emit(call, "payout.paid", payout)
    if payout["automatic"]:
        events.emit(call, "payout.reconciliation_completed", payout)
    return payout


def fail(call: Call, identifier: str) -> Body:
    """The bank refused it, perhaps after it was thought paid: the money is back in the balance."""
    payout = _in_state(call, identifier, ("in_transit", "pending", "paid"))
    entry = balance_transactions.add_for_failed_payout(call, payout)
    payout |= {
        "failure_balance_transaction": entry["id"],
        "failure_code": "account_closed",
        "failure_message": FAILURE,
        "status": "failed",
    }
    call.store.save(payout)
    events.emit(call, "payout.failed", payout)
    return payout


def _in_state(call: Call, identifier: str, states: tuple[str, ...]) -> Body:
    payout = call.store.get("payout", identifier, param="payout")
    if payout["status"] not in states:
        raise errors.bad_request(f"Payout {identifier} is {payout['status']}.", param="payout")
    return payout


def retrieve(call: Call, identifier: str) -> Body:
    params.check({"expand": params.EXPAND}, call.params)
    return call.store.get("payout", identifier, param="payout", in_path=True)


def list_all(call: Call) -> Body:
    asked = params.check(LIST, call.params)
    wanted = pick(asked, "destination", "status")
    bounds = asked.get("arrival_date", {})

    def suits(body: Body) -> bool:
        arrives = body["arrival_date"]
        is_within = all(OPERATIONS[name](arrives, bound) for name, bound in bounds.items())
        return is_within and all(body[key] == value for key, value in wanted.items())

    return listing.page(call, "payout", "/v1/payouts", asked, suits)


def balance(call: Call) -> Body:
    """What is there, and what will be there when its day comes."""
    params.check({"expand": params.EXPAND}, call.params)
    sums: dict[str, dict[str, int]] = {"available": {"usd": 0}, "pending": {"usd": 0}}
    for entry in call.store.newest_first("balance_transaction"):
        part = sums[balance_transactions.as_of(call, entry)["status"]]
        part[entry["currency"]] = part.get(entry["currency"], 0) + entry["net"]
    parts = {
        name: [{"amount": amount, "currency": currency, "source_types": {"card": amount}} for currency, amount in each]
        for name, each in ((name, sorted(part.items())) for name, part in sums.items())
    }
    return {"object": "balance", **parts, "livemode": False}
