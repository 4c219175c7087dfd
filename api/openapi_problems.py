"""How each call may refuse, as the OpenAPI document says it: by status, each with its codes."""

from collections import defaultdict
from typing import Any

from api.problems import KINDS, MEDIA_TYPE
from api.schemas.model import View
from api.schemas.problems import MEMBERS, Problem
from domain.errors import ErrorCode

SCHEMAS = "#/components/schemas/{model}"
_REFUSES = "x-refuses"
_HEADERS = {
    "Retry-After": {
        "description": "seconds after which trying again may help",
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {
        "description": "how to say who you are",
        "schema": {"type": "string"},
    },
}
LOCATION = {
    "description": "where it is found from now on",
    "required": True,
    "schema": {"type": "string"},
}
ETAG = {
    "description": "the version, for `If-Match`",
    "required": True,
    "schema": {"type": "string"},
}
# Said by some of these refusals: where it is a moment's memory that says no.
_MAY_SAY = {ErrorCode.SOLD_OUT: ("Retry-After",)}
# Of a body that is not read at all.
_UNREAD = {413: "The body is too large", 415: "The body is not `application/json`"}


def refuses(*codes: ErrorCode) -> dict[str, Any]:
    """For `openapi_extra` of a route: the codes it may answer with, besides those that come of
    what it asks for (a token, an id, a body) and of stores that are away."""
    return {_REFUSES: list(codes)}


def add_refusals(path: str, operation: dict[str, Any]) -> None:
    """Write into an operation's responses all that is no success."""
    codes = {ErrorCode(code) for code in operation.pop(_REFUSES, ())} | _usual(path, operation)
    responses: dict[str, Any] = operation["responses"]
    # FastAPI promises a shape of its own.
    responses.pop("422", None)
    by_status: defaultdict[int, list[ErrorCode]] = defaultdict(list)
    for code in ErrorCode:
        if code in codes:
            by_status[KINDS[code].status].append(code)
    if "requestBody" in operation:
        # Of a notice each byte is taken as it comes: it may be signed.
        for status in (413,) if path.startswith("/v1/webhooks/") else (413, 415):
            by_status[status].append(ErrorCode.INVALID)
    for status, refusals in sorted(by_status.items()):
        titles = "; ".join(f"`{code}`: {KINDS[code].title}" for code in refusals)
        said = {"description": _UNREAD.get(status) or titles}
        response = responses.setdefault(str(status), said)
        # What a route answers of its own, as webhooks do, has no such headers.
        sure = {"required": "content" not in response}
        response.setdefault("content", {})[MEDIA_TYPE] = {"schema": _one_of(refusals)}
        said_by_all = {name: sure for code in refusals for name in KINDS[code].headers}
        said_by_some = {name: {"required": False} for c in refusals for name in _MAY_SAY.get(c, ())}
        if names := said_by_some | said_by_all:
            response["headers"] = {name: _HEADERS[name] | need for name, need in names.items()}
    operation["responses"] = dict(sorted(responses.items()))


def problem_schemas() -> dict[str, Any]:
    """All components that `add_refusals` refers to."""
    schemas: dict[str, Any] = {}
    models: tuple[type[View], ...] = (Problem, *MEMBERS.values())
    for model in models:
        schema = model.model_json_schema(ref_template=SCHEMAS)
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
    for code in ErrorCode:
        parts = [_reference(Problem.__name__), {"properties": {"code": {"const": code.value}}}]
        if members := MEMBERS.get(code):
            parts.append(_reference(members.__name__))
        schemas[_name(code)] = {"title": KINDS[code].title, "allOf": parts}
    return schemas


def _usual(path: str, operation: dict[str, Any]) -> set[ErrorCode]:
    codes = set()
    if "security" in operation:
        codes.add(ErrorCode.UNAUTHENTICATED)
    if path.startswith("/v1/operator/"):
        codes.add(ErrorCode.FORBIDDEN)
    if "{" in path:
        codes.add(ErrorCode.NOT_FOUND)
    # FastAPI says so of whatever it reads by a schema. No text in a path breaks one: it names
    # something, or nothing.
    read = [
        one
        for one in operation.get("parameters", ())
        if one["in"] != "path" or one["schema"].get("type") != "string"
    ]
    if "422" in operation["responses"] and (read or "requestBody" in operation):
        codes.add(ErrorCode.INVALID)
    if "operations" not in operation["tags"]:
        codes |= {ErrorCode.UNAVAILABLE, ErrorCode.OVERLOADED, ErrorCode.RATE_LIMITED}
    return codes


def _one_of(codes: list[ErrorCode]) -> dict[str, Any]:
    if len(codes) == 1:
        return _reference(_name(codes[0]))
    mapping = {code.value: _reference(_name(code))["$ref"] for code in codes}
    return {
        "oneOf": [_reference(_name(code)) for code in codes],
        "discriminator": {"propertyName": "code", "mapping": mapping},
    }


def _name(code: ErrorCode) -> str:
    return "".join(word.capitalize() for word in code.value.split("_")) + "Problem"


def _reference(model: str) -> dict[str, Any]:
    return {"$ref": SCHEMAS.format(model=model)}
