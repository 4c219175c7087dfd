"""What the OpenAPI document promises of a call, held against what it answers."""

from functools import cached_property
from typing import Any

import httpx
from fastapi import FastAPI
from jsonschema_rs import Draft202012Validator
from starlette.routing import Match

# Anybody may ask for what no route offers; that is not told operation by operation.
NO_OPERATION = 405


class Documented:
    """Told of each answer; raises AssertionError for one that the document does not promise."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    async def check(self, answer: httpx.Response) -> None:
        """An event hook of httpx."""
        operation = self._operation(answer.request)
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
            faults = self._faults(content[media]["schema"], answer.json())
            assert not faults, f"{name}: {faults}\n{answer.text}"

    @cached_property
    def _document(self) -> dict[str, Any]:
        return self._app.openapi()

    def _operation(self, request: httpx.Request) -> dict[str, Any] | None:
        scope = {"type": "http", "method": request.method, "path": request.url.path}
        for route in self._app.router.routes:
            if route.matches(scope | {"headers": []})[0] is Match.FULL:
                path = self._document["paths"].get(getattr(route, "path", None), {})
                operation: dict[str, Any] | None = path.get(request.method.lower())
                return operation
        return None

    def _faults(self, schema: dict[str, Any], value: object) -> list[str]:
        whole = {**schema, "components": self._document["components"]}
        return [error.message for error in Draft202012Validator(whole).iter_errors(value)]
