"""The part of the front page with saved cards and subscriptions, and buttons for what banks and time do to them."""

import json
from html import escape
from typing import TYPE_CHECKING

from sandbox import cards, layout
from sandbox.store import Body

if TYPE_CHECKING:
    from sandbox.server import Sandbox

SHOWN = 10


def front(sandbox: "Sandbox") -> str:
    """Cards that are saved for a customer, then subscriptions, the newest of each."""
    saved = [method for method in sandbox.store.newest_first("payment_method") if method["customer"]][:SHOWN]
    subscriptions = list(sandbox.store.newest_first("subscription"))[:SHOWN]
    made = _button("Make a subscription of an older platform", "subscription")
    return (
        "<h2>Saved cards</h2>"
        + layout.table(
            "The newest saved cards",
            ["Card", "Customer", "When charged", "Then"],
            [_card(sandbox, method) for method in saved],
            "No card was saved yet.",
        )
        + f'<h2>Subscriptions</h2><div class="buttons">{made}</div>'
        + layout.table(
            "The newest subscriptions",
            ["Subscription", "Amount", "Status", "Charged next", "Then"],
            [_subscription(subscription) for subscription in subscriptions],
            "No subscription.",
        )
    )


def _card(sandbox: "Sandbox", method: Body) -> list[str]:
    card, hidden = method["card"], sandbox.store.hidden(method["id"])
    made_for = cards.BY_NUMBER[hidden["card"]]
    decline = made_for.decline if hidden.get("decline") is None else hidden["decline"]
    asks = made_for.authentication == "always" if hidden.get("asks") is None else bool(hidden["asks"])
    then = [
        _button("Bank replaces it", "card-replaced", payment_method=method["id"]),
        _button("No money on it", "card-behaves", payment_method=method["id"], decline="insufficient_funds"),
        _button("Reported lost", "card-behaves", payment_method=method["id"], decline="lost_card"),
        _button("Bank asks each time", "card-behaves", payment_method=method["id"], decline="", authenticate=True),
        _button("All is well", "card-behaves", payment_method=method["id"], decline="", authenticate=False),
    ]
    return [
        escape(f"{card['brand']} {card['last4']}, {card['exp_month']:02}/{card['exp_year']}"),
        f"<code>{escape(method['customer'])}</code>",
        escape(decline.replace("_", " ") if decline else "bank asks" if asks else "succeeds"),
        "".join(then),
    ]


def _subscription(subscription: Body) -> list[str]:
    item = subscription["items"]["data"][0]
    goes_on = subscription["status"] != "canceled"
    ends = _button("Period ends now", "subscription-period-ends", subscription=subscription["id"]) if goes_on else ""
    return [
        f"<code>{escape(subscription['id'])}</code>",
        layout.amount(item["price"]["unit_amount"], subscription["currency"]),
        escape(subscription["status"].replace("_", " ")),
        layout.when(item["current_period_end"]) if goes_on else "never",
        ends or "nothing more",
    ]


def _button(label: str, happening: str, **given: object) -> str:
    return layout.button(label, f"/_test/{happening}", json.dumps(given))
