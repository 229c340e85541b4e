"""Reads the installed Stripe SDK's source: its parameter types, its resource classes, its list of operations.

The SDK is generated from Stripe's own API description, so its annotations are that description for exactly the API
version it pins. They are read as text (`ast`), not imported: the annotations of resource classes cannot be evaluated
(they name classes that only type checkers import), and reading touches only the files an operation needs.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from itertools import pairwise
from pathlib import Path

import stripe
from stripe._api_version import _ApiVersion
from stripe._object_classes import OBJECT_CLASSES

from tests.conformance import kinds
from tests.conformance.kinds import Field, Kind, Record

ROOT = Path(stripe.__file__).parent
API_VERSION: str = _ApiVersion.CURRENT

_PLAIN: dict[str, Kind] = {
    "str": kinds.Text(),
    "int": kinds.Integer(),
    "float": kinds.Number(),
    "bool": kinds.Boolean(),
    "Decimal": kinds.DecimalText(),
    "Any": kinds.Anything(),
    "object": kinds.Anything(),
    "StripeObject": kinds.MapOf(kinds.Anything()),
}


class UnreadableSdk(Exception):
    """The SDK says something in a way this reader does not know: read it, then teach the reader."""


@dataclass(frozen=True)
class Operation:
    """One method and path of the API, with the SDK's types for what goes in and what comes back."""

    name: str
    method: str
    template: str
    params: Record
    returns: Kind


@dataclass(frozen=True, eq=False)
class Module:
    """One source file of the SDK."""

    name: str

    @cached_property
    def tree(self) -> ast.Module:
        path = ROOT.joinpath(*self.name.split(".")[1:])
        return ast.parse(path.with_suffix(".py").read_text(encoding="utf-8"))

    @cached_property
    def imports(self) -> Mapping[str, tuple[str, str]]:
        """Name used here -> the module and the name there."""
        found: dict[str, tuple[str, str]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                found.update({alias.asname or alias.name: (node.module, alias.name) for alias in node.names})
        return found

    @cached_property
    def classes(self) -> Mapping[str, ast.ClassDef]:
        """Dotted path inside the module -> class: `PaymentIntent`, `PaymentIntent.NextAction`."""
        found: dict[str, ast.ClassDef] = {}

        def collect(nodes: list[ast.stmt], prefix: str) -> None:
            for node in nodes:
                if isinstance(node, ast.ClassDef):
                    found[prefix + node.name] = node
                    collect(node.body, f"{prefix}{node.name}.")

        collect(self.tree.body, "")
        return found

    @cached_property
    def dict_types(self) -> Mapping[str, ast.Dict]:
        """`X = TypedDict("X", {...})`, the spelling for fields whose names are Python keywords."""
        found: dict[str, ast.Dict] = {}
        for node in self.tree.body:
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.targets[0], ast.Name)
                and isinstance(node.value, ast.Call)
                and ast.unparse(node.value.func) == "TypedDict"
                and isinstance(node.value.args[1], ast.Dict)
            ):
                found[node.targets[0].id] = node.value.args[1]
        return found


@cache
def module(name: str) -> Module:
    return Module(name)


@dataclass(frozen=True)
class Scope:
    """Where an annotation stands: the module, the class around it, and what `T` means in a generic class."""

    module: Module
    path: str = ""
    item: Kind | None = None

    def record(self, name: str) -> Record | None:
        """The class that this name means here, sought as Python does: in the class's body, the module, its imports."""
        inner = f"{self.path}.{name}" if self.path else name
        for candidate in (inner, name):
            if candidate in self.module.classes:
                return record(self.module.name, candidate)
        there = self.module.imports.get(name)
        if there and there[0].startswith("stripe.") and there[1] in module(there[0]).classes:
            return record(*there)
        return None

    def read(self, node: ast.expr) -> Kind:
        """The kind that an annotation stands for."""
        match node:
            case ast.Constant(value=str(text)):
                return self.read(ast.parse(text.strip(), mode="eval").body)
            case ast.Constant(value=None):
                return kinds.Anything()  # an operation that answers with an empty body
            case ast.BinOp(op=ast.BitOr()):
                return kinds.union([self.read(side) for side in _sides(node)])
            case ast.Name(id="T") if self.item is not None:
                return self.item
            case ast.Name(id=name) if name in _PLAIN and name not in self.module.classes:
                return _PLAIN[name]
            case ast.Name() | ast.Attribute():
                found = self.record(ast.unparse(node))
                if found is not None:
                    return found
            case ast.Subscript():
                return self._subscript(ast.unparse(node.value), _arguments(node))
        raise UnreadableSdk(f"{self.module.name}: {self.path}: {ast.unparse(node)}")

    def _subscript(self, outer: str, arguments: list[ast.expr]) -> Kind:
        if outer == "Literal":
            return kinds.Choice(tuple(ast.literal_eval(argument) for argument in arguments))
        if outer in ("ListObject", "SearchResultObject"):
            source, name = self.module.imports[outer]
            return _list_record(source, name, self.read(arguments[0]))
        inner = [self.read(argument) for argument in arguments if ast.unparse(argument) != "None"]
        match outer:
            case "Union":
                return kinds.union(inner)
            case "Optional":
                return kinds.Nullable(inner[0])
            case "NotRequired":
                return inner[0]
            case "List" | "list":
                return kinds.ListOf(inner[0])
            case "Dict" | "dict" | "UntypedStripeObject":
                return kinds.MapOf(inner[-1])
            case "ExpandableField":
                return kinds.Expandable(inner[0])
        raise UnreadableSdk(f"{self.module.name}: {self.path}: {outer}[…]")


def _sides(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp):
        return [*_sides(node.left), *_sides(node.right)]
    return [node]


def _arguments(node: ast.Subscript) -> list[ast.expr]:
    return node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]


@cache
def record(module_name: str, path: str) -> Record:
    """A resource class, one of the classes inside it, or a parameter type."""
    where = module(module_name)
    return Record(path, partial(_fields, Scope(where, path), where.classes[path]))


def _list_record(module_name: str, path: str, item: Kind) -> Record:
    where = module(module_name)
    return Record(path, partial(_fields, Scope(where, path, item), where.classes[path]))


def _fields(scope: Scope, cls: ast.ClassDef) -> Mapping[str, Field]:
    names = _renamed(cls)
    found: dict[str, Field] = {}
    for base in cls.bases:
        for key, value in _dict_items(scope.module.dict_types.get(ast.unparse(base))):
            found[key] = _field(scope, value)
    for node in cls.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
            if not name.startswith("_") and not ast.unparse(node.annotation).startswith("ClassVar"):
                found[names.get(name, name)] = _field(scope, node.annotation)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "OBJECT_NAME":
            # Lists do not annotate their `object` field, though they have one.
            found["object"] = Field(kinds.Choice((ast.literal_eval(node.value),)), is_required=True)
    return found


def _dict_items(node: ast.Dict | None) -> list[tuple[str, ast.expr]]:
    if node is None:
        return []
    return [(ast.literal_eval(key), value) for key, value in zip(node.keys, node.values, strict=True) if key]


def _renamed(cls: ast.ClassDef) -> Mapping[str, str]:
    """Attribute -> field name, for fields whose names are Python keywords (`from_`)."""
    for node in cls.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_field_remappings":
            return {attribute: name for attribute, name in ast.literal_eval(node.value).items()}
    return {}


def _field(scope: Scope, annotation: ast.expr) -> Field:
    kind = scope.read(annotation)
    text = annotation.value if isinstance(annotation, ast.Constant) else ast.unparse(annotation)
    return Field(kind, is_required=not (isinstance(kind, kinds.Nullable) or str(text).startswith("NotRequired[")))


# Operations -----------------------------------------------------------------------------------------------------------

_CALL = re.compile(r'self\._request\(\s*"(get|post|delete)",\s*"(/v\d/[^"]+)"')


@cache
def _index() -> Mapping[tuple[str, str], str]:
    """Method and path template -> the service module that calls it."""
    found: dict[tuple[str, str], str] = {}
    for path in sorted(ROOT.rglob("*_service.py")):
        name = ".".join(("stripe", *path.relative_to(ROOT).with_suffix("").parts))
        for method, template in _CALL.findall(path.read_text(encoding="utf-8")):
            found[method, template] = name
    return found


def operations() -> Iterable[tuple[str, str]]:
    """Method and path template of all that the SDK can ask of Stripe."""
    return _index().keys()


@cache
def operation(method: str, path: str) -> Operation | None:
    """The SDK's operation for this request line, or None where the API has no such thing."""
    candidates = [
        template
        for verb, template in _index()
        if verb == method.lower() and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
    ]
    if not candidates:
        return None
    # `/v1/payment_intents/search` also fits `/v1/payment_intents/{intent}`: fewest placeholders wins.
    return _read_operation(method.lower(), min(candidates, key=lambda template: template.count("{")))


def _read_operation(method: str, template: str) -> Operation:
    where = module(_index()[method, template])
    for function in ast.walk(where.tree):
        if not isinstance(function, ast.FunctionDef) or not _calls(function, method, template):
            continue
        arguments = {argument.arg: argument.annotation for argument in function.args.args}
        params = Scope(where).read(arguments["params"]) if arguments.get("params") else None  # type: ignore[arg-type]
        params = params.inner if isinstance(params, kinds.Nullable) else params
        if not isinstance(params, Record) or function.returns is None:
            break
        returns = Scope(where).read(function.returns)
        return Operation(_name(template, function.name), method, template, params, returns)
    raise UnreadableSdk(f"{where.name}: {method} {template}")


def _calls(function: ast.FunctionDef, method: str, template: str) -> bool:
    constants = {node.value for node in ast.walk(function) if isinstance(node, ast.Constant)}
    return method in constants and template in constants


def _name(template: str, function: str) -> str:
    """`payment_intents.confirm`, as one would call it on a StripeClient."""
    words = [part for part in template.split("/")[2:] if not part.startswith("{")]
    return ".".join(words if words[-1] == function else [*words, function])


# Objects and events ---------------------------------------------------------------------------------------------------


def resource(object_name: str) -> Record | None:
    """The shape of a Stripe object by its `object` field."""
    found = OBJECT_CLASSES.get(object_name)
    return record(*found) if found else None


@cache
def error() -> Record:
    """The shape of the `error` object of a refused request."""
    return record("stripe._error_object", "ErrorObject")


@cache
def error_types() -> tuple[str, ...]:
    """The error types, which the SDK lists in the docstring of the field only."""
    body = module("stripe._error_object").classes["ErrorObject"].body
    for field, note in pairwise(body):
        if isinstance(field, ast.AnnAssign) and ast.unparse(field.target) == "type" and isinstance(note, ast.Expr):
            return tuple(re.findall(r"`(\w+)`", ast.literal_eval(note.value)))
    raise UnreadableSdk("stripe._error_object: ErrorObject.type has no docstring")


@cache
def error_codes() -> frozenset[str]:
    """The error codes, which the SDK lists for the last error of a PaymentIntent."""
    kind = record("stripe._payment_intent", "PaymentIntent.LastPaymentError").fields["code"].kind
    if isinstance(kind, kinds.Nullable) and isinstance(kind.inner, kinds.Choice):
        return frozenset(str(value) for value in kind.inner.values)
    raise UnreadableSdk("stripe._payment_intent: LastPaymentError.code is no list of codes")
