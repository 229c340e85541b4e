"""Subscriptions as an earlier platform has made them: read, changed, ended, and charged when their period is over."""

from typing import Any

from sandbox import errors, ids, params
from sandbox.api import events, invoices, listing, prices
from sandbox.api.call import Call, pick
from sandbox.params import BOOLEAN, TEXT, clearable, enum
from sandbox.store import Body

DETAILS = params.group(
    comment=clearable(TEXT),
    feedback=clearable(
        enum(
            *("customer_service", "low_quality", "missing_features", "other", "switched_service", "too_complex"),
            *("too_expensive", "unused"),
        )
    ),
)
UPDATE: params.Spec = {
    "cancel_at_period_end": BOOLEAN,
    "cancellation_details": DETAILS,
    "default_payment_method": TEXT,
    "description": clearable(params.Param("text", longest=500)),
    "expand": params.EXPAND,
    "metadata": params.METADATA,
    "pause_collection": clearable(
        params.group(
            behavior=params.required(enum("keep_as_draft", "mark_uncollectible", "void")), resumes_at=params.INTEGER
        )
    ),
    "proration_behavior": enum("always_invoice", "create_prorations", "none"),
}
CANCEL: params.Spec = {
    "cancellation_details": DETAILS,
    "expand": params.EXPAND,
    "invoice_now": BOOLEAN,
    "prorate": BOOLEAN,
}
LIST: params.Spec = {
    **params.PAGE,
    "collection_method": enum("charge_automatically", "send_invoice"),
    "customer": TEXT,
    "price": TEXT,
    "status": enum(
        *("active", "all", "canceled", "ended", "incomplete", "incomplete_expired", "past_due", "paused", "trialing"),
        "unpaid",
    ),
}
ENDED = ("canceled", "incomplete_expired")


def add(call: Call, customer: str, price: Body, *, started_at: int, method: str, metadata: dict[str, str]) -> Body:
    """One that began at `started_at` and has paid for the period that now is; its invoices of before are not kept.

    method: charged before the customer's own default; "" for none.
    """
    number = 0
    while prices.period_start(started_at, price["recurring"], number + 1) <= call.now:
        number += 1
    nothing = (
        "application application_fee_percent billing_cycle_anchor_config billing_thresholds cancel_at canceled_at "
        "customer_account days_until_due default_source description ended_at latest_invoice "
        "next_pending_invoice_item_invoice on_behalf_of pause_collection pending_invoice_item_interval "
        "pending_setup_intent pending_update schedule test_clock transfer_data trial_end trial_start"
    )
    identifier = ids.new("sub")
    subscription: Body = {
        **dict.fromkeys(nothing.split()),
        "id": identifier,
        "object": "subscription",
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": started_at,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
        "billing_schedules": [],
        "cancel_at_period_end": False,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": started_at,
        "currency": price["currency"],
        "customer": customer,
        "default_payment_method": method or None,
        "default_tax_rates": [],
        "discounts": [],
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": {
            "object": "list",
            "data": [_item(identifier, price, started_at, number)],
            "has_more": False,
            "url": f"/v1/subscription_items?subscription={identifier}",
        },
        "livemode": False,
        "metadata": metadata,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "start_date": started_at,
        "status": "active",
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
    }
    call.store.add(subscription, {"period": number})
    events.emit(call, "customer.subscription.created", subscription)
    _plan_renewal(call, subscription)
    return subscription


def _item(subscription: str, price: Body, anchor: int, number: int) -> Body:
    return {
        "id": ids.new("si"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": anchor,
        "current_period_end": prices.period_start(anchor, price["recurring"], number + 1),
        "current_period_start": prices.period_start(anchor, price["recurring"], number),
        "discounts": [],
        "metadata": {},
        "plan": prices.plan_of(price),
        "price": price,
        "quantity": 1,
        "subscription": subscription,
        "tax_rates": [],
    }


def _plan_renewal(call: Call, subscription: Body) -> None:
    item: Body = subscription["items"]["data"][0]
    call.later("renew", subscription["id"], item["current_period_end"] - call.clock.time())


def renew_if_due(call: Call, identifier: str) -> None:
    """The clock has come to the end of the period, unless somebody ended it before."""
    subscription = call.store.get("subscription", identifier, param="id")
    if subscription["items"]["data"][0]["current_period_end"] <= call.now:
        end_period(call, identifier)


def end_period(call: Call, identifier: str) -> Body:
    """The period is over: the next one is charged, or there is none. What is over already stays as it is."""
    subscription = call.store.get("subscription", identifier, param="id")
    if subscription["status"] in ENDED:
        return subscription
    if subscription["cancel_at_period_end"]:
        return _end(call, subscription)
    item: Body = subscription["items"]["data"][0]
    number = call.store.hidden(identifier)["period"] + 1
    price, anchor = item["price"], subscription["billing_cycle_anchor"]
    item |= {
        "current_period_start": prices.period_start(anchor, price["recurring"], number),
        "current_period_end": prices.period_start(anchor, price["recurring"], number + 1),
    }
    previous = {name: subscription[name] for name in ("latest_invoice", "status")}
    invoice = invoices.charge(call, subscription, item)
    subscription["latest_invoice"] = invoice["id"]
    if not subscription["pause_collection"]:
        subscription["status"] = "active" if invoice["status"] == "paid" else "past_due"
    if previous["status"] == subscription["status"]:
        del previous["status"]
    call.store.save(subscription, {"period": number})
    events.emit(call, "customer.subscription.updated", subscription, previous)
    _plan_renewal(call, subscription)
    return subscription


def _end(call: Call, subscription: Body) -> Body:
    subscription |= {"ended_at": call.now, "status": "canceled"}
    subscription["canceled_at"] = subscription["canceled_at"] or call.now
    subscription["cancellation_details"]["reason"] = "cancellation_requested"
    call.store.save(subscription)
    events.emit(call, "customer.subscription.deleted", subscription)
    return subscription


def retrieve(call: Call, identifier: str) -> Body:
    params.check({"expand": params.EXPAND}, call.params)
    return call.store.get("subscription", identifier, param="id", in_path=True)


def _going(call: Call, identifier: str) -> Body:
    """One that has not ended; Stripe says of the others that there is none."""
    subscription = call.store.get("subscription", identifier, param="id", in_path=True)
    if subscription["status"] in ENDED:
        raise errors.no_such("subscription", identifier, param="id", in_path=True)
    return subscription


def update(call: Call, identifier: str) -> Body:
    asked = params.check(UPDATE, call.params)
    subscription = _going(call, identifier)
    before: dict[str, Any] = dict(subscription)
    if "metadata" in asked:
        subscription["metadata"] = params.merged_metadata(subscription["metadata"], asked["metadata"])
    if "default_payment_method" in asked:
        call.store.get("payment_method", asked["default_payment_method"], param="default_payment_method")
    if asked.get("pause_collection"):
        asked["pause_collection"] = {"resumes_at": None, **asked["pause_collection"]}
    if "cancel_at_period_end" in asked:
        ends = asked["cancel_at_period_end"]
        subscription["canceled_at"] = call.now if ends else None
        subscription["cancel_at"] = subscription["items"]["data"][0]["current_period_end"] if ends else None
        subscription["cancellation_details"] = {
            "comment": None,
            "feedback": None,
            **asked.get("cancellation_details", {}),
            "reason": "cancellation_requested" if ends else None,
        }
    subscription |= pick(asked, "cancel_at_period_end", "default_payment_method", "description", "pause_collection")
    call.store.save(subscription)
    if previous := {name: before[name] for name in before if before[name] != subscription[name]}:
        events.emit(call, "customer.subscription.updated", subscription, previous)
    return subscription


def cancel(call: Call, identifier: str) -> Body:
    """At once. Neither the rest of the period nor what was used since is ever settled here."""
    asked = params.check(CANCEL, call.params)
    if asked.get("invoice_now") or asked.get("prorate"):
        raise errors.bad_request("The sandbox imitates neither prorations nor final invoices.", param="prorate")
    subscription = _going(call, identifier)
    subscription["cancellation_details"] |= asked.get("cancellation_details", {})
    subscription["canceled_at"] = call.now
    return _end(call, subscription)


def list_all(call: Call) -> Body:
    asked = params.check(LIST, call.params)
    wanted = pick(asked, "collection_method", "customer")
    status = asked.get("status", "")

    def suits(body: Body) -> bool:
        if not status:
            is_wanted = body["status"] != "canceled"
        elif status == "ended":
            is_wanted = body["status"] in ENDED
        else:
            is_wanted = status in ("all", body["status"])
        price = body["items"]["data"][0]["price"]["id"]
        return (
            is_wanted
            and asked.get("price", price) == price
            and all(body[key] == value for key, value in wanted.items())
        )

    return listing.page(call, "subscription", "/v1/subscriptions", asked, suits)
