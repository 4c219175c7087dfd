"""What the OpenAPI document says of the call that the gate answers before the framework."""

from typing import Any

from api.openapi_problems import LOCATION, refuses
from api.routes.gate import MAX_KEY_LENGTH, MAX_QUANTITY
from api.validation import ASCII
from domain.errors import ErrorCode

PLACE_ORDER: dict[str, Any] = {
    "post": {
        "tags": ["buyer"],
        "operationId": "place_order",
        "summary": "Place an order",
        "description": (
            "Reserves stock and answers at once; the order is then carried on by itself. "
            "Follow it at the address in `Location`. The same `Idempotency-Key` with the same "
            "body gives the same answer."
        ),
        "security": [{"HTTPBearer": []}],
        "parameters": [
            {"name": "sale_id", "in": "path", "required": True, "schema": {"type": "string"}},
            {"name": "sku_id", "in": "path", "required": True, "schema": {"type": "string"}},
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "the same key is the same order",
                "schema": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": MAX_KEY_LENGTH,
                    "pattern": ASCII,
                },
            },
            {
                "name": "X-Entry-Token",
                "in": "header",
                "required": False,
                "description": "of who was called in the item's room; it names the order",
                "schema": {"type": "string"},
            },
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["quantity"],
                        "properties": {
                            "quantity": {"type": "integer", "minimum": 1, "maximum": MAX_QUANTITY}
                        },
                        "additionalProperties": False,
                    },
                    "example": {"quantity": 1},
                }
            },
        },
        "responses": {
            "202": {
                "description": "Accepted: stock is reserved for this order",
                "headers": {"Location": LOCATION},
                "content": {
                    "application/json": {"schema": {"$ref": "#/components/schemas/AcceptedView"}}
                },
            }
        },
        **refuses(
            ErrorCode.FORBIDDEN,
            ErrorCode.INVALID,
            ErrorCode.NOT_STARTED,
            ErrorCode.ENDED,
            ErrorCode.PAUSED,
            ErrorCode.SOLD_OUT,
            ErrorCode.LIMIT_REACHED,
            ErrorCode.ENTRY_TOKEN_INVALID,
            ErrorCode.NOT_YOUR_TURN,
            ErrorCode.IDEMPOTENCY_MISMATCH,
        ),
    }
}
