"""`expand[]`: ids replaced by the objects they name, four levels deep at most."""

from sandbox import errors
from sandbox.store import Body, Store

DEEPEST = 4
EXPANDABLE = {
    "payment_intent": {"application", "customer", "latest_charge", "on_behalf_of", "payment_method", "review"},
    "setup_intent": {"application", "customer", "latest_attempt", "mandate", "on_behalf_of", "payment_method"},
    "charge": {
        "application", "application_fee", "balance_transaction", "customer", "failure_balance_transaction",
        "on_behalf_of", "payment_intent", "refunds", "review", "source_transfer", "transfer",
    },
    "balance_transaction": {"source"},
    "refund": {
        "balance_transaction", "charge", "customer", "failure_balance_transaction", "payment_intent", "payment_method",
        "source_transfer_reversal", "transfer_reversal",
    },
    "dispute": {"charge", "payment_intent"},
    "payout": {"balance_transaction", "destination", "failure_balance_transaction", "original_payout", "reversed_by"},
    "payment_method": {"customer"},
    "customer": {"default_source", "sources", "subscriptions", "tax_ids", "test_clock"},
    "invoice_settings": {"default_payment_method"},
    "subscription": {"customer", "default_payment_method", "latest_invoice"},
    "invoice": {"customer", "payments"},
}  # fmt: skip
PLAIN = {"customer": {"invoice_settings"}}  # objects inside objects that lead on to expandable fields
EMBEDDED_LISTS = {
    "payments": "/v1/invoice_payments?invoice={id}",
    "refunds": "/v1/charges/{id}/refunds",
    "sources": "/v1/customers/{id}/sources",
    "subscriptions": "/v1/customers/{id}/subscriptions",
    "tax_ids": "/v1/customers/{id}/tax_ids",
}


def expanded(store: Store, body: Body, paths: list[str]) -> Body:
    """The same body with the named fields expanded. Raises StripeError for a path that leads nowhere."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > DEEPEST:
            raise errors.bad_request(
                f"You cannot expand more than {DEEPEST} levels of a property. Property: {path}", param="expand"
            )
        if body["object"] == "list":
            if steps[0] != "data" or len(steps) == 1:
                raise _not_expandable(path)
            for item in body["data"]:
                _expand(store, item, steps[1:], path, str(item["object"]))
            if not body["data"]:
                continue
        else:
            _expand(store, body, steps, path, str(body["object"]))
    return body


def _expand(store: Store, body: Body, steps: list[str], path: str, kind: str) -> None:
    step, rest = steps[0], steps[1:]
    if step in PLAIN.get(kind, ()) and rest:
        _expand(store, body[step], rest, path, step)
        return
    if step not in EXPANDABLE.get(kind, ()):
        raise _not_expandable(path)
    if step in EMBEDDED_LISTS and not isinstance(body.get(step), dict):
        body[step] = _embedded_list(store, body, step)
    elif isinstance(body.get(step), str):
        body[step] = store.find(body[step])
    if rest and isinstance(body.get(step), dict):
        _expand(store, body[step], rest, path, str(body[step]["object"]))


def _embedded_list(store: Store, body: Body, step: str) -> Body:
    kept, owner = {"payments": ("invoice_payment", "invoice"), "refunds": ("refund", "charge")}.get(step, ("", ""))
    data = store.select(kept, lambda found: found[owner] == body["id"]) if kept else []
    url = EMBEDDED_LISTS[step].format(id=body["id"])
    return {"object": "list", "data": data, "has_more": False, "url": url}


def _not_expandable(path: str) -> errors.StripeError:
    return errors.bad_request(f"This property cannot be expanded ({path}).", param="expand")
