"""The parts of the pages where money goes back or on: refunds, disputes, payouts, and buttons that make them happen."""

import json
from html import escape
from typing import TYPE_CHECKING

from sandbox import layout
from sandbox.store import Body

if TYPE_CHECKING:
    from sandbox.server import Sandbox

SHOWN = 10


def front(sandbox: "Sandbox") -> str:
    """Disputes and payouts of the account, with a button that pays out."""
    buttons = "".join(
        [
            _button("Pay out the whole balance", "payout"),
            _button("Pay out; the bank needs two days", "payout", arrives=False),
            _button("Take a monthly fee of $10", "fee", amount=1000, description="Monthly fee"),
        ]
    )
    payouts = list(sandbox.store.newest_first("payout"))[:SHOWN]
    disputes = list(sandbox.store.newest_first("dispute"))[:SHOWN]
    return (
        "<h2>Payouts</h2>"
        + layout.table(
            "The newest payouts",
            ["Payout", "Amount", "Status", "Made", "Then"],
            [_payout(payout) for payout in payouts],
            "Nothing was paid out yet.",
        )
        + f'<div class="buttons">{buttons}</div><h2>Disputes</h2>'
        + _disputes(disputes, "No bank has disputed anything. The page of a payment has buttons that make one.")
    )


def of_payment(sandbox: "Sandbox", intent: Body) -> str:
    """What went back of one payment, and buttons that send more of it back."""
    refunds = sandbox.store.select("refund", lambda refund: refund["payment_intent"] == intent["id"])
    disputes = sandbox.store.select("dispute", lambda dispute: dispute["payment_intent"] == intent["id"])
    charge = sandbox.store.find(intent["latest_charge"] or "", "charge")
    return (
        (_charge_buttons(charge) if charge and charge["status"] == "succeeded" else "")
        + "<h2>Refunds</h2>"
        + layout.table(
            "Refunds, newest first",
            ["Refund", "Amount", "Status", "Made", "Then"],
            [_refund(refund) for refund in refunds],
            "Nothing was refunded.",
        )
        + "<h2>Disputes</h2>"
        + _disputes(disputes, "No dispute.")
    )


def _charge_buttons(charge: Body) -> str:
    left = charge["amount"] - charge["amount_refunded"]
    buttons = []
    if left > 1:
        buttons.append(_button("Refund half in the dashboard", "refund", charge=charge["id"], amount=left // 2))
    if left:
        buttons.append(_button("Refund the rest in the dashboard", "refund", charge=charge["id"]))
    if not charge["disputed"]:
        buttons += [
            _button("Bank takes it back", "dispute", charge=charge["id"]),
            _button("Bank takes half back", "dispute", charge=charge["id"], amount=charge["amount"] // 2 or 1),
            _button("Bank asks about it", "dispute", charge=charge["id"], inquiry=True),
        ]
    return f'<div class="buttons">{"".join(buttons)}</div>'


def _refund(refund: Body) -> list[str]:
    then = []
    if refund["status"] == "pending":
        then.append(_button("Goes through", "refund-end", refund=refund["id"]))
    if refund["status"] in ("pending", "succeeded"):
        then.append(_button("Fails", "refund-end", refund=refund["id"], outcome="failed"))
    return _row(refund, then)


def _payout(payout: Body) -> list[str]:
    then = []
    if payout["status"] == "in_transit":
        then.append(_button("Arrives", "payout-arrive", payout=payout["id"]))
    if payout["status"] in ("in_transit", "paid"):
        then.append(_button("Bank refuses it", "payout-fail", payout=payout["id"]))
    return _row(payout, then)


def _disputes(disputes: list[Body], empty: str) -> str:
    headings = ["Dispute", "Amount", "Status", "Opened", "Then"]
    return layout.table("Disputes, newest first", headings, [_dispute(dispute) for dispute in disputes], empty)


def _dispute(dispute: Body) -> list[str]:
    status, then = dispute["status"], []
    if status.endswith("needs_response"):
        then.append(_button("Evidence sent", "dispute-answer", dispute=dispute["id"]))
    if status in ("needs_response", "under_review"):
        then.append(_button("We win", "dispute-win", dispute=dispute["id"]))
        then.append(_button("We lose", "dispute-lose", dispute=dispute["id"]))
    if status.startswith("warning_") and status != "warning_closed":
        then.append(_button("Inquiry ends", "dispute-close", dispute=dispute["id"]))
        then.append(_button("Becomes a chargeback", "dispute-escalate", dispute=dispute["id"]))
    return _row(dispute, then)


def _row(thing: Body, then: list[str]) -> list[str]:
    return [
        f"<code>{escape(thing['id'])}</code>",
        layout.amount(thing["amount"], thing["currency"]),
        escape(thing["status"].replace("_", " ")),
        layout.when(thing["created"]),
        "".join(then) or "nothing more",
    ]


def _button(label: str, happening: str, **given: object) -> str:
    return layout.button(label, f"/_test/{happening}", json.dumps(given))
