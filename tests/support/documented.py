"""What the OpenAPI document promises of a call, held against what it answers."""

import re
from typing import Any

import httpx
from fastapi import FastAPI
from jsonschema_rs import Draft202012Validator
from starlette.routing import compile_path

# Anybody may ask for what no route offers; that is not told operation by operation.
NO_OPERATION = 405


class Document:
    """An OpenAPI document, ready to be asked. Paths without parameters go before others."""

    def __init__(self, written: dict[str, Any]) -> None:
        self._components = written["components"]
        paths = sorted(written["paths"], key=lambda path: path.count("{"))
        self._paths: list[tuple[re.Pattern[str], dict[str, Any]]] = [
            (compile_path(path)[0], written["paths"][path]) for path in paths
        ]
        self._validators: dict[int, Draft202012Validator] = {}

    def operation(self, request: httpx.Request) -> dict[str, Any] | None:
        method = request.method.lower()
        for pattern, operations in self._paths:
            if method in operations and pattern.match(request.url.path):
                operation: dict[str, Any] = operations[method]
                return operation
        return None

    def faults(self, schema: dict[str, Any], value: object) -> list[str]:
        # A schema is part of this document, so that nothing else ever has its identity.
        if id(schema) not in self._validators:
            whole = {**schema, "components": self._components}
            self._validators[id(schema)] = Draft202012Validator(whole)
        return [error.message for error in self._validators[id(schema)].iter_errors(value)]


# Made once for all apps of the same routers: making it takes longer than most tests.
_documents: dict[tuple[int, ...], Document] = {}


def _document_of(app: FastAPI) -> Document:
    routers = tuple(id(getattr(route, "original_router", None)) for route in app.router.routes)
    if routers not in _documents:
        _documents[routers] = Document(app.openapi())
    return _documents[routers]


class Documented:
    """Told of each answer; raises AssertionError for one that the document does not promise."""

    def __init__(self, app: FastAPI) -> None:
        self._document = _document_of(app)

    async def check(self, answer: httpx.Response) -> None:
        """An event hook of httpx."""
        operation = self._document.operation(answer.request)
        if operation is None or answer.status_code == NO_OPERATION:
            return
        name = f"{answer.request.method} {answer.request.url.path} → {answer.status_code}"
        promised = operation["responses"].get(str(answer.status_code))
        assert promised, f"{name} is not documented"
        for header, described in promised.get("headers", {}).items():
            assert header in answer.headers or not described["required"], f"{name}: no {header}"
        media = answer.headers.get("content-type", "").partition(";")[0]
        content = promised.get("content", {})
        assert media in content or not (media or content), f"{name}: {media} is not documented"
        if media.endswith("json"):
            await answer.aread()
            faults = self._document.faults(content[media]["schema"], answer.json())
            assert not faults, f"{name}: {faults}\n{answer.text}"
