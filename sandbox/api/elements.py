"""What the Payment Element asks for when it loads: which ways to pay it should show."""

from sandbox import ids, params
from sandbox.api.call import Call
from sandbox.store import Body

SESSION: params.Spec = {"type": params.required(params.enum("deferred_intent", "payment_intent"))}


def session(call: Call) -> Body:
    """Not a part of the public API; the sandbox's card frame uses it so that an API that is down is noticed."""
    params.check(SESSION, call.params)
    return {"object": "elements_session", "session_id": ids.new("elements_session"), "payment_method_types": ["card"]}
