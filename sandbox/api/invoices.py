"""Invoices of subscriptions: one for each period, with the payment that paid it."""

from dataclasses import replace

from sandbox import errors, ids, params
from sandbox.api import events, listing, payment_intents
from sandbox.api.call import Call, pick
from sandbox.params import TEXT, enum
from sandbox.store import Body

RETRY_AFTER = 3 * 24 * 3600
SETTINGS = {"default_mandate": None, "payment_method_options": None, "payment_method_types": None}


def charge(call: Call, subscription: Body, item: Body) -> Body:
    """The invoice of the item's new period, charged to the saved card: paid, open after a decline, void in a pause."""
    customer = call.store.get("customer", subscription["customer"], param="customer")
    invoice = call.store.add(_new(call, subscription, item, customer))
    events.emit(call, "invoice.created", invoice)
    if subscription["pause_collection"]:
        return _close(call, invoice, "void", "voided_at", "invoice.voided")
    default = customer["invoice_settings"]["default_payment_method"]
    intent = _attempt(call, invoice, subscription["default_payment_method"] or default)
    invoice |= {"attempt_count": 1, "attempted": True, "status": "open"}
    invoice["status_transitions"]["finalized_at"] = invoice["effective_at"] = call.now
    is_paid = intent["status"] == "succeeded"
    _add_payment(call, invoice, intent, is_paid=is_paid)
    if is_paid:
        invoice |= {"amount_paid": invoice["total"], "amount_remaining": 0, "auto_advance": False}
        _close(call, invoice, "paid", "paid_at", "invoice.paid")
        events.emit(call, "invoice.payment_succeeded", invoice)
        return invoice
    invoice["next_payment_attempt"] = call.now + RETRY_AFTER
    call.store.save(invoice)
    events.emit(call, "invoice.payment_failed", invoice)
    return invoice


def _close(call: Call, invoice: Body, status: str, instant: str, event: str) -> Body:
    invoice["status"] = status
    invoice["status_transitions"][instant] = call.now
    call.store.save(invoice)
    events.emit(call, event, invoice)
    return invoice


def _attempt(call: Call, invoice: Body, method: str | None) -> Body:
    """The payment intent, whatever came of it."""
    asked = {
        "amount": str(invoice["total"]),
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "description": "Subscription update",
        **({"payment_method": method, "confirm": "true", "off_session": "true"} if method else {}),
    }
    try:
        return payment_intents.create(replace(call, params=asked))
    except errors.StripeError as error:
        if not error.keeps:
            raise
        identifier: str = error.extra["payment_intent"]["id"]
        return call.store.get("payment_intent", identifier, param="intent")


def _add_payment(call: Call, invoice: Body, intent: Body, *, is_paid: bool) -> Body:
    return call.store.add(
        {
            "id": ids.new("inpay"),
            "object": "invoice_payment",
            "amount_paid": invoice["total"] if is_paid else None,
            "amount_requested": invoice["total"],
            "created": call.now,
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "livemode": False,
            "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
            "status": "paid" if is_paid else "open",
            "status_transitions": {"canceled_at": None, "paid_at": call.now if is_paid else None},
        }
    )


def _new(call: Call, subscription: Body, item: Body, customer: Body) -> Body:
    total = item["price"]["unit_amount"] * item["quantity"]
    identifier = ids.new("in")
    nothing = (
        "account_tax_ids application automatically_finalizes_at custom_fields customer_account "
        "customer_shipping default_payment_method default_source description due_date effective_at ending_balance "
        "footer from_invoice last_finalization_error latest_revision next_payment_attempt on_behalf_of receipt_number "
        "rendering shipping_cost shipping_details statement_descriptor test_clock webhooks_delivered_at"
    )
    details = {"metadata": subscription["metadata"], "subscription": subscription["id"]}
    return {
        **dict.fromkeys(nothing.split()),
        "id": identifier,
        "object": "invoice",
        "account_country": "US",
        "account_name": "Sandbox",
        "amount_due": total,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": total,
        "amount_shipping": 0,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "billing_reason": "subscription_cycle",
        "collection_method": "charge_automatically",
        "created": call.now,
        "currency": item["price"]["currency"],
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [],
        "default_tax_rates": [],
        "discounts": [],
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "lines": {
            "object": "list",
            "data": [_line(identifier, subscription, item, total)],
            "has_more": False,
            "url": f"/v1/invoices/{identifier}/lines",
        },
        "livemode": False,
        "metadata": {},
        "number": f"{customer['invoice_prefix']}-{identifier[-4:].upper()}",
        "parent": {"quote_details": None, "subscription_details": details, "type": "subscription_details"},
        "payment_settings": SETTINGS,
        # Of the period before, as Stripe has it for invoices of a cycle; the lines tell the new one.
        "period_end": item["current_period_start"],
        "period_start": item["current_period_start"],
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": 0,
        "status": "draft",
        "status_transitions": dict.fromkeys(("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")),
        "subtotal": total,
        "subtotal_excluding_tax": total,
        "total": total,
        "total_discount_amounts": [],
        "total_excluding_tax": total,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
    }


def _line(invoice: str, subscription: Body, item: Body, total: int) -> Body:
    price = item["price"]
    details = {
        "invoice_item": None,
        "proration": False,
        "proration_details": {"credited_items": None},
        "subscription": subscription["id"],
        "subscription_item": item["id"],
    }
    return {
        "id": ids.new("il"),
        "object": "line_item",
        "amount": total,
        "currency": price["currency"],
        "description": None,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": invoice,
        "livemode": False,
        "metadata": subscription["metadata"],
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": details,
            "type": "subscription_item_details",
        },
        "period": {"end": item["current_period_end"], "start": item["current_period_start"]},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": item["quantity"],
        "subtotal": total,
        "taxes": [],
    }


def retrieve(call: Call, identifier: str) -> Body:
    params.check({"expand": params.EXPAND}, call.params)
    return call.store.get("invoice", identifier, param="invoice", in_path=True)


def list_all(call: Call) -> Body:
    status = enum("draft", "open", "paid", "uncollectible", "void")
    asked = params.check({**params.PAGE, "customer": TEXT, "status": status, "subscription": TEXT}, call.params)
    wanted = pick(asked, "customer", "status")

    def suits(body: Body) -> bool:
        subscription: str = body["parent"]["subscription_details"]["subscription"]
        return asked.get("subscription", subscription) == subscription and all(
            body[key] == value for key, value in wanted.items()
        )

    return listing.page(call, "invoice", "/v1/invoices", asked, suits)
