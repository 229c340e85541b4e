"""Which operation answers which method and path."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from sandbox import errors
from sandbox.api import (
    balance_transactions,
    charges,
    confirmation_tokens,
    customers,
    disputes,
    elements,
    events,
    invoices,
    payment_intents,
    payment_methods,
    payouts,
    refunds,
    setup_intents,
    subscriptions,
    webhook_endpoints,
)
from sandbox.api.call import Call
from sandbox.store import Body

Operation = Callable[..., Body]


@dataclass(frozen=True, slots=True)
class Route:
    """`public`: a browser with the publishable key may ask too."""

    method: str
    pattern: re.Pattern[str]
    operation: Operation
    public: bool = False


def _route(method: str, path: str, operation: Operation, *, public: bool = False) -> Route:
    return Route(method, re.compile("^/v1" + path.replace("{}", r"([A-Za-z0-9_]+)") + "/?$"), operation, public)


ROUTES = (
    _route("POST", "/payment_intents", payment_intents.create),
    _route("GET", "/payment_intents", payment_intents.list_all),
    _route("GET", "/payment_intents/{}", payment_intents.retrieve, public=True),
    _route("POST", "/payment_intents/{}", payment_intents.update),
    _route("POST", "/payment_intents/{}/confirm", payment_intents.confirm, public=True),
    _route("POST", "/payment_intents/{}/cancel", payment_intents.cancel),
    _route("POST", "/setup_intents", setup_intents.create),
    _route("GET", "/setup_intents", setup_intents.list_all),
    _route("GET", "/setup_intents/{}", setup_intents.retrieve, public=True),
    _route("POST", "/setup_intents/{}", setup_intents.update),
    _route("POST", "/setup_intents/{}/confirm", setup_intents.confirm, public=True),
    _route("POST", "/setup_intents/{}/cancel", setup_intents.cancel),
    _route("POST", "/customers", customers.create),
    _route("GET", "/customers", customers.list_all),
    _route("GET", "/customers/{}", customers.retrieve),
    _route("POST", "/customers/{}", customers.update),
    _route("DELETE", "/customers/{}", customers.delete),
    _route("GET", "/customers/{}/payment_methods", customers.list_payment_methods),
    _route("POST", "/payment_methods", payment_methods.create, public=True),
    _route("GET", "/payment_methods", payment_methods.list_all),
    _route("GET", "/payment_methods/{}", payment_methods.retrieve),
    _route("POST", "/payment_methods/{}", payment_methods.update),
    _route("POST", "/payment_methods/{}/attach", payment_methods.attach),
    _route("POST", "/payment_methods/{}/detach", payment_methods.detach),
    _route("POST", "/confirmation_tokens", confirmation_tokens.create, public=True),
    _route("GET", "/confirmation_tokens/{}", confirmation_tokens.retrieve),
    _route("GET", "/charges", charges.list_all),
    _route("GET", "/charges/{}", charges.retrieve),
    _route("POST", "/charges/{}", charges.update),
    _route("POST", "/refunds", refunds.create),
    _route("GET", "/refunds", refunds.list_all),
    _route("GET", "/refunds/{}", refunds.retrieve),
    _route("POST", "/refunds/{}", refunds.update),
    _route("GET", "/disputes", disputes.list_all),
    _route("GET", "/disputes/{}", disputes.retrieve),
    _route("GET", "/payouts", payouts.list_all),
    _route("GET", "/payouts/{}", payouts.retrieve),
    _route("GET", "/balance", payouts.balance),
    _route("GET", "/balance_transactions", balance_transactions.list_all),
    _route("GET", "/balance_transactions/{}", balance_transactions.retrieve),
    _route("GET", "/subscriptions", subscriptions.list_all),
    _route("GET", "/subscriptions/{}", subscriptions.retrieve),
    _route("POST", "/subscriptions/{}", subscriptions.update),
    _route("DELETE", "/subscriptions/{}", subscriptions.cancel),
    _route("GET", "/invoices", invoices.list_all),
    _route("GET", "/invoices/{}", invoices.retrieve),
    _route("GET", "/events", events.list_all),
    _route("GET", "/events/{}", events.retrieve),
    _route("GET", "/elements/sessions", elements.session, public=True),
    _route("POST", "/webhook_endpoints", webhook_endpoints.create),
    _route("GET", "/webhook_endpoints", webhook_endpoints.list_all),
    _route("GET", "/webhook_endpoints/{}", webhook_endpoints.retrieve),
    _route("POST", "/webhook_endpoints/{}", webhook_endpoints.update),
    _route("DELETE", "/webhook_endpoints/{}", webhook_endpoints.delete),
)


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]]:
    """The route and the ids in the path. Raises StripeError when there is none."""
    for route in ROUTES:
        if route.method == method and (match := route.pattern.match(path)):
            return route, match.groups()
    raise errors.bad_request(
        f"Unrecognized request URL ({method}: {path}). If you are trying to list objects, remove the trailing slash. "
        "If you are trying to retrieve an object, make sure you passed a valid (non-empty) identifier in your code. "
        "Please see https://docs.stripe.com/api or we can help at https://support.stripe.com/.",
        status=404,
    )


def run(route: Route, call: Call, identifiers: tuple[str, ...]) -> Body:
    return route.operation(call, *identifiers)
