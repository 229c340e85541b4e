"""Customers: who pays, with the payment methods saved for them."""

from sandbox import ids, params
from sandbox.api import events, listing, payment_methods
from sandbox.api.call import Call
from sandbox.store import Body

INVOICE_SETTINGS = params.group(default_payment_method=params.TEXT, footer=params.TEXT)
UPDATE: params.Spec = {
    "address": params.clearable(params.ADDRESS),
    "business_name": params.clearable(params.TEXT),
    "description": params.clearable(params.TEXT),
    "email": params.clearable(params.Param("text", longest=512)),
    "expand": params.EXPAND,
    "individual_name": params.clearable(params.TEXT),
    "invoice_settings": INVOICE_SETTINGS,
    "metadata": params.METADATA,
    "name": params.clearable(params.Param("text", longest=256)),
    "phone": params.clearable(params.Param("text", longest=20)),
    "preferred_locales": params.TEXTS,
    "shipping": params.clearable(params.SHIPPING),
    "tax_exempt": params.clearable(params.enum("exempt", "none", "reverse")),
}
CREATE: params.Spec = {**UPDATE, "payment_method": params.TEXT}
EMPTY_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def create(call: Call) -> Body:
    asked = params.check(CREATE, call.params)
    identifier = ids.new("cus")
    customer: Body = {
        "id": identifier,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": call.now,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": identifier[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    method = asked.pop("payment_method", None)
    call.store.add(_apply(call, customer, asked))
    if method:
        payment_methods.attach_to(call, payment_methods.resolve(call, method), identifier)
    events.emit(call, "customer.created", customer)
    return customer


def _apply(call: Call, customer: Body, asked: Body) -> Body:
    asked.pop("expand", None)
    if "metadata" in asked:
        customer["metadata"] = params.merged_metadata(customer["metadata"], asked.pop("metadata"))
    if asked.get("address"):
        customer["address"] = {**EMPTY_ADDRESS, **(customer["address"] or {}), **asked.pop("address")}
    if settings := asked.pop("invoice_settings", None):
        if method := settings.get("default_payment_method"):
            call.store.get("payment_method", method, param="invoice_settings[default_payment_method]")
        customer["invoice_settings"] |= settings
    if "tax_exempt" in asked:
        customer["tax_exempt"] = asked.pop("tax_exempt") or "none"
    if asked.get("shipping"):
        shipping = asked.pop("shipping")
        address = {**EMPTY_ADDRESS, **shipping["address"]}
        customer["shipping"] = {"address": address, "name": shipping["name"], "phone": shipping.get("phone")}
    customer.update(asked)
    return customer


def retrieve(call: Call, identifier: str) -> Body:
    params.check({"expand": params.EXPAND}, call.params)
    return call.store.get("customer", identifier, param="id", in_path=True)


def update(call: Call, identifier: str) -> Body:
    asked = params.check(UPDATE, call.params)
    customer = call.store.get("customer", identifier, param="id", in_path=True)
    before = dict(customer)
    _apply(call, customer, asked)
    call.store.save(customer)
    previous = {key: before[key] for key in before if before[key] != customer[key]}
    if previous:
        events.emit(call, "customer.updated", customer, previous)
    return customer


def delete(call: Call, identifier: str) -> Body:
    params.check({}, call.params)
    customer = call.store.get("customer", identifier, param="id", in_path=True)
    events.emit(call, "customer.deleted", customer)
    call.store.execute("DELETE FROM objects WHERE id = ?", identifier)
    return {"id": identifier, "object": "customer", "deleted": True}


def list_all(call: Call) -> Body:
    asked = params.check({**params.PAGE, "email": params.TEXT}, call.params)
    email = asked.get("email")
    return listing.page(call, "customer", "/v1/customers", asked, lambda body: email is None or body["email"] == email)


def list_payment_methods(call: Call, identifier: str) -> Body:
    call.store.get("customer", identifier, param="customer", in_path=True)
    return payment_methods.page_of(call, identifier, f"/v1/customers/{identifier}/payment_methods")
