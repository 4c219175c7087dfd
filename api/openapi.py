"""The OpenAPI document: what FastAPI finds by itself, and what it cannot know."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.problems import MEDIA_TYPE
from api.routes import gate
from api.schemas.orders import AcceptedView
from api.schemas.problems import Problem

TITLE = "seckill"
DESCRIPTION = """Flash-sale orders. Times are UTC (RFC 3339), money is in minor units.

Everything that is not a success is `application/problem+json` with a `code` to rely on."""

_SCHEMAS = "#/components/schemas/{model}"
_PROBLEM = {
    "description": "Refused or failed; `code` says why",
    "content": {MEDIA_TYPE: {"schema": {"$ref": _SCHEMAS.format(model="Problem")}}},
}


def install(app: FastAPI) -> None:
    """Make `app.openapi()` tell the truth about problems and about the gate."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    document["paths"][gate.PATH] = gate.OPENAPI
    schemas = document["components"]["schemas"]
    for model in (Problem, AcceptedView):
        schemas[model.__name__] = model.model_json_schema(ref_template=_SCHEMAS)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path in document["paths"].values():
        for operation in path.values():
            # FastAPI would promise its own shape for 422; ours covers every refusal.
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = _PROBLEM
    document["paths"] = dict(sorted(document["paths"].items()))
    return document
