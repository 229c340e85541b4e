"""The check itself: right examples pass, and each kind of mistake is named."""

from __future__ import annotations

import pytest
import stripe

from tests.conformance import examples, kinds, sdk, shapes
from tests.conformance.kinds import Kind, Record

CREATE = "amount=2500&currency=usd&automatic_payment_methods[enabled]=true&metadata[gift]=42"
RETRIEVE = "/v1/payment_intents/pi_1"
DEEP = "latest_charge.balance_transaction"


def test_the_api_version_is_the_one_the_sdk_sends() -> None:
    assert stripe.api_version == sdk.API_VERSION


@pytest.mark.slow
def test_every_type_of_every_operation_can_be_read() -> None:
    seen: set[Record] = set()

    def look(kind: Kind) -> None:
        match kind:
            case Record() if kind not in seen:
                seen.add(kind)
                for field in kind.fields.values():
                    look(field.kind)
            case kinds.Nullable(inner) | kinds.Expandable(inner) | kinds.ListOf(inner) | kinds.MapOf(inner):
                look(inner)
            case kinds.OneOf(options):
                for option in options:
                    look(option)

    operations = [sdk.operation(method, template) for method, template in sdk.operations()]
    for operation in operations:
        assert operation is not None
        look(operation.params)
        look(operation.returns)
    assert len(operations) > 600
    assert len(seen) > 5000


# Requests


@pytest.mark.parametrize(
    ("method", "path", "params"),
    [
        ("post", "/v1/payment_intents", CREATE),
        ("post", "/v1/payment_intents", {"amount": 2500, "currency": "usd", "metadata": {"7": "digits"}}),
        ("post", "/v1/payment_intents", "amount=2500&currency=usd&customer=cus_1&off_session=recurring"),
        ("post", RETRIEVE, "amount=3000&shipping=&metadata="),
        ("get", RETRIEVE, f"expand[0]={DEEP}&expand[1]=payment_method"),
        ("get", RETRIEVE, f"expand[]={DEEP}&expand[]=payment_method"),
        ("get", RETRIEVE, {"expand": [DEEP, "payment_method.customer"]}),
        ("post", f"{RETRIEVE}/cancel", "cancellation_reason=abandoned"),
        ("get", "/v1/events", "created[gte]=1795424400&types[0]=payment_intent.succeeded&limit=100"),
        ("get", "/v1/charges", "expand[0]=data.balance_transaction"),
        ("get", "/v1/charges/ch_1", "expand[0]=refunds.data.balance_transaction"),
        ("get", "/v1/events/evt_1", ""),
        ("post", "/v1/customers", "email=ana@example.org&address[city]=Boston&metadata[a]=b"),
        ("post", "/v1/refunds", "payment_intent=pi_1&amount=100&reason=requested_by_customer"),
    ],
)
def test_a_right_request_has_no_problems(method: str, path: str, params: str | dict[str, object]) -> None:
    assert shapes.request(method, path, params) == []


@pytest.mark.parametrize(
    ("method", "path", "params", "problem"),
    [
        ("post", "/v1/gifts", "", "POST /v1/gifts: unknown operation"),
        ("delete", RETRIEVE, "", f"DELETE {RETRIEVE}: unknown operation"),
        (
            "post",
            "/v1/payment_intents",
            f"{CREATE}&payment_method_types[]=card",
            "payment_intents.create: payment_method_types: unknown parameter, PaymentIntentCreateParams has none such",
        ),
        (
            "post",
            "/v1/payment_intents",
            f"{CREATE}&automatic_payment_methods[enable]=true",
            "payment_intents.create: automatic_payment_methods.enable: unknown parameter, "
            "PaymentIntentCreateParamsAutomaticPaymentMethods has none such",
        ),
        (
            "post",
            "/v1/payment_intents",
            "currency=usd",
            "payment_intents.create: amount: missing required parameter",
        ),
        (
            "post",
            "/v1/payment_intents",
            "amount=2500&currency=usd&automatic_payment_methods[allow_redirects]=never",
            "payment_intents.create: automatic_payment_methods.enabled: missing required parameter",
        ),
        (
            "post",
            "/v1/payment_intents",
            "amount=x&currency=usd",
            "payment_intents.create: amount: expected integer, got 'x'",
        ),
        (
            "post",
            "/v1/payment_intents",
            "amount=25.00&currency=usd",
            "payment_intents.create: amount: expected integer, got '25.00'",
        ),
        (
            "post",
            "/v1/payment_intents",
            {"amount": 2500, "currency": "usd", "metadata": {"gift": 42}},
            "payment_intents.create: metadata.gift: expected string, got 42",
        ),
        (
            "post",
            "/v1/payment_intents",
            "amount=2500&currency=usd&setup_future_usage=monthly",
            "payment_intents.create: setup_future_usage: expected one of off_session, on_session, got 'monthly'",
        ),
        (
            "post",
            f"{RETRIEVE}/cancel",
            "cancellation_reason=bored",
            "payment_intents.cancel: cancellation_reason: "
            "expected one of abandoned, duplicate, fraudulent, requested_by_customer, got 'bored'",
        ),
        (
            "post",
            "/v1/payment_intents",
            "amount=2500&currency=usd&automatic_payment_methods=on",
            "payment_intents.create: automatic_payment_methods: "
            "expected object PaymentIntentCreateParamsAutomaticPaymentMethods, got 'on'",
        ),
        (
            "get",
            RETRIEVE,
            "expand[]=amount",
            "payment_intents.retrieve: expand: amount cannot be expanded: amount is not expandable",
        ),
        (
            "get",
            RETRIEVE,
            "expand[]=latest_charge.balance",
            "payment_intents.retrieve: expand: latest_charge.balance cannot be expanded: Charge has no field balance",
        ),
        (
            "get",
            "/v1/charges",
            "expand[]=balance_transaction",
            "charges.list: expand: balance_transaction cannot be expanded: ListObject has no field balance_transaction",
        ),
        (
            "get",
            RETRIEVE,
            "expand[]=latest_charge.transfer.source_transaction.payment_intent.customer",
            "payment_intents.retrieve: expand: latest_charge.transfer.source_transaction.payment_intent.customer "
            "cannot be expanded: deeper than 4 levels",
        ),
        (
            "get",
            "/v1/events",
            "types[]=payment_intent.paid",
            "events.list: types: payment_intent.paid is no event type",
        ),
        (
            "get",
            "/v1/events",
            "created[since]=5",
            "events.list: created.since: unknown parameter, EventListParamsCreated has none such",
        ),
    ],
)
def test_a_wrong_request_is_named(method: str, path: str, params: str | dict[str, object], problem: str) -> None:
    assert shapes.request(method, path, params) == [problem]


# Replies


def expanded_intent() -> examples.Json:
    whole = examples.charge(balance_transaction=examples.balance_transaction())
    return examples.payment_intent(latest_charge=whole)


def test_a_right_reply_has_no_problems() -> None:
    assert shapes.reply("get", RETRIEVE, examples.payment_intent()) == []
    assert shapes.reply("get", RETRIEVE, expanded_intent(), [DEEP]) == []
    assert shapes.reply("get", RETRIEVE, examples.payment_intent(latest_charge=None), [DEEP]) == []
    charges = examples.page(examples.charge(), examples.charge(id="ch_2"), url="/v1/charges")
    assert shapes.reply("get", "/v1/charges", charges) == []
    deleted = {"id": "cus_1", "object": "customer", "deleted": True}
    assert shapes.reply("delete", "/v1/customers/cus_1", deleted) == []
    assert shapes.reply("get", RETRIEVE, examples.payment_intent(customer=deleted), ["customer"]) == []


def test_the_object_of_an_expanded_union_is_known_by_its_name() -> None:
    transaction = examples.balance_transaction(source=examples.charge())
    path = "/v1/balance_transactions/txn_1"
    assert shapes.reply("get", path, transaction, ["source"]) == []
    wrong = examples.balance_transaction(source=examples.charge(paid="yes"))
    assert shapes.reply("get", path, wrong, ["source"]) == [
        "balance_transactions.retrieve reply: source.paid: expected true or false, got 'yes'"
    ]


def test_a_removed_expand_is_named() -> None:
    assert shapes.reply("get", RETRIEVE, examples.payment_intent(), [DEEP]) == [
        "payment_intents.retrieve reply: latest_charge: expand was asked but the reply has only the id ch_1"
    ]
    half = examples.payment_intent(latest_charge=examples.charge())
    assert shapes.reply("get", RETRIEVE, half, [DEEP]) == [
        "payment_intents.retrieve reply: latest_charge.balance_transaction: "
        "expand was asked but the reply has only the id txn_1"
    ]
    gone = examples.without(examples.payment_intent(), "latest_charge")
    assert shapes.reply("get", RETRIEVE, gone, ["latest_charge"]) == [
        "payment_intents.retrieve reply: latest_charge: expand was asked but the field is missing"
    ]


def test_an_expand_that_nobody_asked_for_is_named() -> None:
    assert shapes.reply("get", RETRIEVE, expanded_intent()) == [
        "payment_intents.retrieve reply: latest_charge: expected an id, got an object nobody asked to expand"
    ]
    assert shapes.reply("get", RETRIEVE, expanded_intent(), ["latest_charge"]) == [
        "payment_intents.retrieve reply: latest_charge.balance_transaction: "
        "expected an id, got an object nobody asked to expand"
    ]


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (examples.payment_intent(charges=[]), "charges: stray field, PaymentIntent has none such"),
        (
            examples.payment_intent(automatic_payment_methods={"enabled": True, "allow": "always"}),
            "automatic_payment_methods.allow: stray field, PaymentIntent.AutomaticPaymentMethods has none such",
        ),
        (examples.without(examples.payment_intent(), "amount_received"), "amount_received: missing field"),
        (examples.payment_intent(amount="2500"), "amount: expected integer, got '2500'"),
        (examples.payment_intent(amount=25.0), "amount: expected integer, got 25.0"),
        (examples.payment_intent(amount=True), "amount: expected integer, got True"),
        (examples.payment_intent(livemode="false"), "livemode: expected true or false, got 'false'"),
        (examples.payment_intent(livemode=None), "livemode: expected true or false, got None"),
        (examples.payment_intent(metadata={"gift": 42}), "metadata.gift: expected string, got 42"),
        (examples.payment_intent(latest_charge=7), "latest_charge: expected an id, got 7"),
        (
            examples.payment_intent(capture_method="later"),
            "capture_method: expected one of automatic, automatic_async, manual, got 'later'",
        ),
        (examples.payment_intent(object="charge"), "object: expected one of payment_intent, got 'charge'"),
        (
            examples.payment_intent(payment_method_types="card"),
            "payment_method_types: expected list of string, got 'card'",
        ),
        ([], "expected object PaymentIntent, got []"),
    ],
)
def test_a_wrong_reply_is_named(reply: object, problem: str) -> None:
    assert shapes.reply("get", RETRIEVE, reply) == [f"payment_intents.retrieve reply: {problem}"]


def test_a_wrong_item_of_a_list_is_named() -> None:
    charges = examples.page(examples.charge(), examples.charge(paid=None), url="/v1/charges")
    assert shapes.reply("get", "/v1/charges", {**charges, "total": 2}) == [
        "charges.list reply: total: stray field, ListObject has none such",
        "charges.list reply: data[1].paid: expected true or false, got None",
    ]


# Refusals


def declined(**changes: object) -> examples.Json:
    intent = examples.payment_intent(status="requires_payment_method", amount_received=0)
    return {
        "error": {
            "charge": "ch_1",
            "code": "card_declined",
            "decline_code": "insufficient_funds",
            "message": "Your card has insufficient funds.",
            "payment_intent": intent,
            "type": "card_error",
            **changes,
        }
    }


def test_a_right_refusal_has_no_problems() -> None:
    assert shapes.refusal("post", f"{RETRIEVE}/confirm", 402, declined()) == []


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (402, {"message": "no"}, "expected an object with one field, error"),
        (402, declined(reason="poor"), "error.reason: stray field, ErrorObject has none such"),
        (402, declined(code="no_money"), "error.code: 'no_money' is none of Stripe's codes"),
        (400, declined(), "error.type: card_error does not come with status 400"),
        (
            402,
            declined(type="decline"),
            "error.type: expected one of api_error, card_error, idempotency_error, invalid_request_error, "
            "got 'decline'",
        ),
        (
            402,
            declined(payment_intent=examples.payment_intent(amount="1")),
            "error.payment_intent.amount: expected integer, got '1'",
        ),
        (402, {"error": {"code": "card_declined", "type": None}}, "error.type: expected string, got None"),
    ],
)
def test_a_wrong_refusal_is_named(status: int, body: object, problem: str) -> None:
    found = shapes.refusal("post", f"{RETRIEVE}/confirm", status, body)
    assert f"payment_intents.confirm error {status}: {problem}" in found


# Events


@pytest.mark.parametrize(
    ("kind", "thing"),
    [
        ("payment_intent.succeeded", examples.payment_intent()),
        ("charge.refunded", examples.charge(refunded=True, amount_refunded=2500)),
        ("customer.created", examples.customer()),
    ],
)
def test_a_right_event_has_no_problems(kind: str, thing: examples.Json) -> None:
    assert shapes.event(examples.event(kind, thing)) == []


def test_an_update_says_what_was_before() -> None:
    before: examples.Json = {"amount": 2000, "metadata": {"gift": "41"}, "customer": None}
    data = {"object": examples.payment_intent(), "previous_attributes": before}
    right = examples.event("payment_intent.amount_capturable_updated", {}, data=data)
    assert shapes.event(right) == []
    data["previous_attributes"] = {"sum": 1, "amount": "x", "automatic_payment_methods": {"on": True}}
    prefix = "event payment_intent.amount_capturable_updated: data.previous_attributes"
    assert shapes.event(right) == [
        f"{prefix}.sum: stray field, PaymentIntent has none such",
        f"{prefix}.amount: expected integer, got 'x'",
        f"{prefix}.automatic_payment_methods.on: stray field",
    ]


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        (
            examples.event("charge.succeeded", examples.charge(), api_version="2020-08-27"),
            f"event charge.succeeded: api_version: expected {sdk.API_VERSION}, got '2020-08-27'",
        ),
        (
            examples.event("payment_intent.succeeded", examples.charge()),
            "event payment_intent.succeeded: data.object: expected a payment_intent, got a charge",
        ),
        (
            examples.event("charge.dispute.created", examples.charge()),
            "event charge.dispute.created: data.object: expected a dispute, got a charge",
        ),
        (
            examples.event("charge.succeeded", examples.charge(object="gift")),
            "event charge.succeeded: data.object: unknown object 'gift'",
        ),
        (
            examples.event("charge.succeeded", examples.charge(gift=1)),
            "event charge.succeeded: data.object.gift: stray field, Charge has none such",
        ),
        (
            examples.event("payment_intent.succeeded", expanded_intent()),
            "event payment_intent.succeeded: data.object.latest_charge: "
            "expected an id, got an object nobody asked to expand",
        ),
        (
            examples.event("charge.succeeded", examples.charge(), sent=1),
            "event charge.succeeded: sent: stray field, Event has none such",
        ),
        (
            examples.without(examples.event("charge.succeeded", examples.charge()), "pending_webhooks"),
            "event charge.succeeded: pending_webhooks: missing field",
        ),
    ],
)
def test_a_wrong_event_is_named(event: examples.Json, problem: str) -> None:
    assert shapes.event(event) == [problem]


def test_an_event_type_that_stripe_does_not_have_is_named() -> None:
    found = shapes.event(examples.event("payment_intent.paid", examples.payment_intent()))
    assert [problem.partition(", got")[2] for problem in found] == [" 'payment_intent.paid'"]
