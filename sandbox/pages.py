"""The pages for people: what the sandbox is, its payments, its faults."""

import json
from dataclasses import asdict
from html import escape
from typing import TYPE_CHECKING

from sandbox import card_pages, cards, layout, mail_pages, money_pages
from sandbox.answer import Answer, not_found
from sandbox.dispatch import Request
from sandbox.faults import Fault
from sandbox.store import Body

if TYPE_CHECKING:
    from sandbox.server import Sandbox

SHOWN = 25
INTRODUCTION = """
<h1>Payment sandbox</h1>
<p>This is a stand-in for Stripe and a mailbox, both on this computer only. Cards typed here are test cards, nobody is
charged, and every e-mail that is sent ends in the <a href="/mail/">mailbox</a>.</p>
"""
# Where pages.js says that something was refused.
TROUBLE = '<p id="trouble" role="alert"></p>'
FAULTS: tuple[tuple[str, str, Body], ...] = (
    ("API down", "/_test/faults", {"kind": "down"}),
    ("API slow by 3 seconds", "/_test/faults", {"kind": "slow", "seconds": 3}),
    (
        "Time out after charging, once",
        "/_test/faults",
        {"kind": "timeout_after", "path": "/confirm", "count": 1, "seconds": 1},
    ),
    ("Next payment takes 10 seconds", "/_test/faults", {"kind": "processing", "count": 1, "seconds": 10}),
    (
        "Next refund is pending for 30 seconds",
        "/_test/faults",
        {"kind": "refund_pending", "count": 1, "seconds": 30},
    ),
    (
        "Time out after refunding, once",
        "/_test/faults",
        {"kind": "timeout_after", "path": "/refunds", "method": "POST", "count": 1, "seconds": 1},
    ),
    ("Next fee arrives 30 seconds late", "/_test/faults", {"kind": "late_fee", "count": 1, "seconds": 30}),
    ("Webhooks five times each", "/_test/faults", {"kind": "duplicate", "times": 5, "threads": 5}),
    ("Webhooks late by 5 seconds", "/_test/faults", {"kind": "delay", "seconds": 5}),
    ("Webhooks in reverse order", "/_test/faults", {"kind": "reorder", "size": 3}),
    ("Webhooks lost", "/_test/faults", {"kind": "drop"}),
    ("Mail refused for now", "/_test/smtp", {"stage": "rcpt", "code": 451}),
    ("Mail refused for good", "/_test/smtp", {"stage": "rcpt", "code": 550}),
)


def answer(sandbox: "Sandbox", request: Request) -> Answer:
    if request.method not in ("GET", "HEAD"):
        return Answer.text("Only reading is possible here.", status=405)
    if request.path == "/":
        return _front(sandbox)
    if request.path.startswith("/mail"):
        return mail_pages.answer(sandbox, request)
    if request.path.startswith("/payments/"):
        return _payment(sandbox, request.path.removeprefix("/payments/").rstrip("/"))
    return not_found()


def _front(sandbox: "Sandbox") -> Answer:
    money = _payments(sandbox) + card_pages.front(sandbox) + money_pages.front(sandbox)
    main = INTRODUCTION + money + _faults(sandbox) + _cards()
    return layout.page("Payments", main, here="/")


def _payments(sandbox: "Sandbox") -> str:
    intents = list(sandbox.store.newest_first("payment_intent"))[:SHOWN]
    rows = [
        [
            f'<a href="/payments/{intent["id"]}/">{intent["id"]}</a>',
            layout.amount(intent["amount"], intent["currency"]),
            escape(intent["status"].replace("_", " ")),
            layout.when(intent["created"]),
        ]
        for intent in intents
    ]
    empty = "No payments yet. The first one appears here when somebody gives."
    return "<h2>Recent payments</h2>" + layout.table(
        "The newest payments, times in UTC", ["Payment", "Amount", "Status", "Begun"], rows, empty
    )


def _faults(sandbox: "Sandbox") -> str:
    buttons = "".join(layout.button(name, path, json.dumps(body)) for name, path, body in FAULTS)
    in_force = [
        [escape(fault["kind"]), escape(_details(fault)), str(fault["struck"])] for fault in sandbox.faults.listed()
    ]
    listed = layout.table("Trouble in force", ["Kind", "Details", "Struck"], in_force, "Nothing is wrong at present.")
    clear = layout.button("Make everything well again", "/_test/faults", "", method="DELETE")
    return f'<h2>Trouble on demand</h2>{listed}<div class="buttons">{buttons}{clear}</div>{TROUBLE}'


def _details(fault: Body) -> str:
    """The settings that somebody chose, in their own words."""
    plain = asdict(Fault(fault["kind"]))
    chosen = [
        f"{name} {value}" for name, value in fault.items() if value != plain[name] and name not in ("id", "struck")
    ]
    return ", ".join(chosen if fault["count"] else [*chosen, "until cleared"])


def _cards() -> str:
    rows = [
        [f'<code class="number">{_grouped(card.number)}</code>', escape(card.brand), escape(card.meaning)]
        for card in cards.CARDS
    ]
    text = "<p>Any date in the future, any security code, any ZIP code.</p>"
    return f"<h2>Test cards</h2>{text}" + layout.table(
        "Cards and what they do", ["Number", "Brand", "What happens"], rows, ""
    )


def _grouped(number: str) -> str:
    if len(number) == 15:
        return f"{number[:4]} {number[4:10]} {number[10:]}"
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


def _payment(sandbox: "Sandbox", identifier: str) -> Answer:
    intent = sandbox.store.find(identifier, "payment_intent")
    if intent is None:
        return not_found("payment")
    facts = "".join(
        f"<div><dt>{name}</dt><dd>{value}</dd></div>"
        for name, value in (
            ("Amount", layout.amount(intent["amount"], intent["currency"])),
            ("Status", escape(intent["status"].replace("_", " "))),
            ("Customer", escape(intent["customer"] or "none")),
            ("Metadata", escape(json.dumps(intent["metadata"], ensure_ascii=False))),
        )
    )
    main = (
        f"<h1>Payment {escape(identifier)}</h1><dl>{facts}</dl>"
        + _charges(sandbox, intent)
        + money_pages.of_payment(sandbox, intent)
        + _events(sandbox, intent)
        + TROUBLE
    )
    return layout.page(f"Payment {identifier}", main)


def _charges(sandbox: "Sandbox", intent: Body) -> str:
    rows = []
    for charge in sandbox.store.select("charge", lambda charge: charge["payment_intent"] == intent["id"]):
        entry = sandbox.store.find(charge["balance_transaction"] or "")
        card = charge["payment_method_details"]["card"]
        rows.append(
            [
                escape(charge["id"]),
                escape(charge["failure_message"] or charge["status"]),
                escape(f"{card['brand']} {card['last4']}"),
                layout.amount(entry["fee"], entry["currency"]) if entry else "none yet",
                layout.when(charge["created"]),
            ]
        )
    headings = ["Charge", "Result", "Card", "Fee", "Made"]
    return "<h2>Charges</h2>" + layout.table("Attempts to charge, newest first", headings, rows, "No attempt yet.")


def _events(sandbox: "Sandbox", intent: Body) -> str:
    rows = []
    for event in sandbox.store.newest_first("event"):
        subject = event["data"]["object"]
        if intent["id"] not in (subject["id"], subject.get("payment_intent")):
            continue
        deliveries = sandbox.store.query("SELECT state, attempts FROM deliveries WHERE event = ?", event["id"])
        told = ", ".join(f"{row['state']} ({row['attempts']})" for row in deliveries) or "nobody to tell"
        again = layout.button(f"Send {event['type']} again", "/_test/resend", json.dumps({"event": event["id"]}))
        rows.append([escape(event["type"]), layout.when(event["created"]), escape(told), again])
    headings = ["Event", "At", "Deliveries (attempts)", "Again"]
    return "<h2>Events</h2>" + layout.table("What was told to the webhook", headings, rows, "No events.")
