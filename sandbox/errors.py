"""Stripe's error replies: type, code, message, parameter and the objects that belong to them."""

from dataclasses import dataclass, field
from typing import Any

DOCS = "https://docs.stripe.com/error-codes#"


@dataclass(eq=False)
class StripeError(Exception):
    """An error reply. `keeps` says that what was written before it stands, as after a declined card."""

    status: int
    type: str
    message: str
    code: str | None = None
    param: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    keeps: bool = False

    def __str__(self) -> str:
        return self.message

    @property
    def saved(self) -> bool:
        """Whether an idempotency key remembers this reply: Stripe forgets what failed before anything was done."""
        return self.keeps or self.status >= 500

    def body(self, log_url: str) -> dict[str, Any]:
        error: dict[str, Any] = {"message": self.message, "type": self.type, "request_log_url": log_url}
        if self.code:
            error |= {"code": self.code, "doc_url": DOCS + self.code.replace("_", "-")}
        if self.param:
            error["param"] = self.param
        return {"error": dict(sorted((error | self.extra).items()))}


def bad_request(message: str, *, code: str | None = None, param: str | None = None, status: int = 400) -> StripeError:
    return StripeError(status, "invalid_request_error", message, code, param)


def missing(param: str) -> StripeError:
    return bad_request(f"Missing required param: {param}.", code="parameter_missing", param=param)


def unknown(params: list[str]) -> StripeError:
    plural = "s" if len(params) > 1 else ""
    return bad_request(
        f"Received unknown parameter{plural}: {', '.join(params)}", code="parameter_unknown", param=params[0]
    )


def no_such(kind: str, identifier: str, *, param: str, in_path: bool = False) -> StripeError:
    return bad_request(
        f"No such {kind}: '{identifier}'", code="resource_missing", param=param, status=404 if in_path else 400
    )


def unexpected_state(message: str, intent: dict[str, Any]) -> StripeError:
    """The payment intent is not in a state that allows what was asked."""
    error = bad_request(message, code=f"{intent['object']}_unexpected_state")
    error.extra = {intent["object"]: intent}
    return error
