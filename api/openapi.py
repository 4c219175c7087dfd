"""The OpenAPI document: what FastAPI finds by itself, and what it cannot know."""

from copy import deepcopy
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.openapi_gate import PLACE_ORDER
from api.openapi_problems import SCHEMAS, add_refusals, problem_schemas
from api.routes import gate
from api.schemas.orders import AcceptedView

TITLE = "seckill"
DESCRIPTION = """Flash-sale orders. Times are UTC (RFC 3339), money is in minor units.

Everything that is not a success is `application/problem+json` with a `code` to rely on. A member
that no body knows is refused."""
TAGS = [
    {
        "name": "buyer",
        "description": "What a shop's pages call for the buyer whose token they send",
    },
    {
        "name": "operator",
        "description": "Needs a token with the role `operator`; who did what is kept",
    },
    {"name": "providers", "description": "What payment providers call, each in its own way"},
    {"name": "operations", "description": "For load balancers and Prometheus"},
]


def install(app: FastAPI) -> None:
    """Make `app.openapi()` tell the truth about problems and about the gate."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=TAGS,
    )
    # A copy: the refusals are written into it.
    document["paths"][gate.PATH] = deepcopy(PLACE_ORDER)
    schemas = document["components"]["schemas"]
    schemas[AcceptedView.__name__] = AcceptedView.model_json_schema(ref_template=SCHEMAS)
    schemas |= problem_schemas()
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            add_refusals(path, operation)
    document["paths"] = dict(sorted(document["paths"].items()))
    return document
