"""What a bank wants before it says yes to a payment or a saved card: the supporter's answer on a page of its own."""

from sandbox import errors, ids
from sandbox.api.call import Call
from sandbox.store import Body

NOT_AUTHENTICATED = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)


def ask(call: Call, intent: Body, *, return_url: str | None, by_sdk: bool) -> Body:
    """The browser must show the bank's page now; in its own window where Stripe.js is not there to show it."""
    source = ids.new("src")
    page = f"{call.base_url}/js/three-ds.html?source={source}&intent={intent['id']}"
    intent["status"] = "requires_action"
    if by_sdk or not return_url:
        sdk = {"type": "three_d_secure_redirect", "stripe_js": page, "source": source, "known_frame_issues": "false"}
        intent["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}
    else:
        page += f"&client_secret={intent['client_secret']}&redirect=1"
        redirect = {"return_url": return_url, "url": page}
        intent["next_action"] = {"type": "redirect_to_url", "redirect_to_url": redirect}
    return call.store.save(intent, {**call.store.hidden(intent["id"]), "source": source})


def check_source(call: Call, intent: Body, source: str) -> None:
    """Raises StripeError when the bank was answered already, or is answered about something else."""
    if intent["status"] != "requires_action" or call.store.hidden(intent["id"]).get("source") != source:
        raise errors.unexpected_state("This authentication is over.", intent)
