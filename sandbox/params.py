"""What parameters an operation takes, and the check that refuses all others as Stripe does."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox import errors


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter. `clearable`: the empty string is allowed and means "unset" (None)."""

    kind: str
    required: bool = False
    choices: tuple[str, ...] = ()
    fields: Mapping[str, "Param"] = field(default_factory=dict)
    clearable: bool = False
    longest: int = 5000


Spec = Mapping[str, Param]

TEXT = Param("text")
INTEGER = Param("integer")
BOOLEAN = Param("boolean")
METADATA = Param("metadata", clearable=True)
TEXTS = Param("list", fields={"item": TEXT})
EXPAND = TEXTS
ANYTHING = Param("anything", clearable=True)


def required(param: Param) -> Param:
    return replace(param, required=True)


def clearable(param: Param) -> Param:
    return replace(param, clearable=True)


def enum(*choices: str) -> Param:
    return Param("enum", choices=choices)


def group(**fields: Param) -> Param:
    return Param("object", fields=fields)


ADDRESS = group(**{name: clearable(TEXT) for name in ("city", "country", "line1", "line2", "postal_code", "state")})
SHIPPING = group(address=required(ADDRESS), name=required(TEXT), carrier=TEXT, phone=TEXT, tracking_number=TEXT)
BILLING = group(
    address=clearable(ADDRESS), email=clearable(TEXT), name=clearable(TEXT), phone=clearable(TEXT), tax_id=TEXT
)
CREATED = Param("range")
PAGE: Spec = {
    "created": CREATED,
    "limit": INTEGER,
    "starting_after": TEXT,
    "ending_before": TEXT,
    "expand": EXPAND,
}


def check(spec: Spec, given: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """The parameters in their own types. Raises StripeError on unknown, missing or misshapen ones."""
    strays = [_name(where, key) for key in given if key not in spec]
    if strays:
        raise errors.unknown(strays)
    for key, param in spec.items():
        if param.required and key not in given:
            raise errors.missing(_name(where, key))
    return {key: _value(spec[key], value, _name(where, key)) for key, value in given.items()}


def _name(where: str, key: str) -> str:
    return f"{where}[{key}]" if where else key


def _value(param: Param, value: Any, name: str) -> Any:
    if value == "":
        if param.clearable:
            return None
        raise errors.bad_request(
            f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; "
            f"however '{name}' cannot be unset. You should remove '{name}' from your request or supply a "
            "non-empty value.",
            code="parameter_invalid_empty",
            param=name,
        )
    return CHECKS[param.kind](param, value, name)


def _text(param: Param, value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise errors.bad_request(f"Invalid string: {value}", param=name)
    if len(value) > param.longest:
        raise errors.bad_request(
            f"Invalid string: {value[:10]}...{value[-5:]}; must be at most {param.longest} characters",
            code="parameter_invalid_string_length" if param.longest == 5000 else None,
            param=name,
        )
    return value


def _integer(_param: Param, value: Any, name: str) -> int:
    digits = value[1:] if isinstance(value, str) and value.startswith("-") else value
    if not (isinstance(digits, str) and digits.isascii() and digits.isdigit() and len(digits) < 19):
        raise errors.bad_request(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)
    return int(value)


def _boolean(_param: Param, value: Any, name: str) -> bool:
    if value not in ("true", "false"):
        raise errors.bad_request(f"Invalid boolean: {value}", param=name)
    return bool(value == "true")


def _enum(param: Param, value: Any, name: str) -> str:
    if value not in param.choices:
        listed = (
            " or ".join([", ".join(param.choices[:-1]), param.choices[-1]])
            if param.choices[1:]
            else "".join(param.choices)
        )
        raise errors.bad_request(f"Invalid {name}: must be one of {listed}", param=name)
    return str(value)


def _group(param: Param, value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise errors.bad_request("Invalid object", param=name)
    return check(param.fields, value, name)


def _list(param: Param, value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise errors.bad_request("Invalid array", param=name)
    return [_value(param.fields["item"], item, f"{name}[{index}]") for index, item in enumerate(value)]


def _metadata(_param: Param, value: Any, name: str) -> dict[str, str]:
    if isinstance(value, list):  # metadata[0]=… are keys made of digits, not a list
        value = {str(index): item for index, item in enumerate(value)}
    if not isinstance(value, dict) or any(not isinstance(item, str) for item in value.values()):
        raise errors.bad_request("Invalid object", param=name)
    if len(value) > 50:
        raise errors.bad_request("You may only have up to 50 metadata keys.", param=name)
    for key, item in value.items():
        if len(key) > 40:
            raise errors.bad_request(f"Metadata keys can have up to 40 characters: {key}", param=name)
        if len(item) > 500:
            raise errors.bad_request("Metadata values can have up to 500 characters.", param=f"{name}[{key}]")
    return value


def _range(_param: Param, value: Any, name: str) -> dict[str, int]:
    if isinstance(value, dict):
        return {
            str(k): int(v) for k, v in check(dict.fromkeys(("gt", "gte", "lt", "lte"), INTEGER), value, name).items()
        }
    exact = _integer(INTEGER, value, name)
    return {"gte": exact, "lte": exact}


def _anything(_param: Param, value: Any, _name: str) -> Any:
    return value


CHECKS = {
    "text": _text,
    "integer": _integer,
    "boolean": _boolean,
    "enum": _enum,
    "object": _group,
    "list": _list,
    "metadata": _metadata,
    "range": _range,
    "anything": _anything,
}


def merged_metadata(old: dict[str, str], new: dict[str, str] | None) -> dict[str, str]:
    """Stripe merges metadata: an empty value removes its key, and unsetting the whole empties it."""
    if new is None:
        return {}
    return {key: value for key, value in {**old, **new}.items() if value != ""}
