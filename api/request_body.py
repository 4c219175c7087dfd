"""What a body must be before anybody reads it: JSON, where a route takes one, and not too much."""

from functools import lru_cache

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

MAX_BODY_BYTES = 64 * 1024
# A sale may have 200 items, and JSON may spell each of a title's 200 letters in twelve bytes.
LARGER_BODIES = {("POST", "/v1/operator/sales"): 1024 * 1024}
# Payment providers' notices are taken as they come: what was signed are their raw bytes.
AS_THEY_COME = "/v1/webhooks/"


class BodyTooLarge(HTTPException):
    """An HTTPException, because FastAPI answers 400 to whatever else stops it reading a body."""

    def __init__(self, most: int) -> None:
        super().__init__(413, f"a body has at most {most} bytes")


class NotJson(HTTPException):
    def __init__(self) -> None:
        detail = "send a body as application/json, in UTF-8"
        super().__init__(415, detail, {"Accept-Post": "application/json"})


def checked(scope: Scope, receive: Receive) -> Receive:
    """`receive`, which raises what is wrong with the body as soon as somebody reads it: whether a
    route has a body at all is known to nobody before that."""
    declared, media, is_chunked = _what_is_said(scope)
    most = LARGER_BODIES.get((scope["method"], scope["path"]), MAX_BODY_BYTES)
    # The server holds a body to the length it declares.
    if declared is not None and (len(declared) > 8 or int(declared) > most):
        return _raising(BodyTooLarge(most))
    has_body = is_chunked or (declared is not None and declared != b"0")
    if has_body and not is_json(media) and not scope["path"].startswith(AS_THEY_COME):
        return _raising(NotJson())
    return receive if declared is not None else _counted(receive, most)


# Clients of one kind all say the same few words.
@lru_cache(maxsize=64)
def is_json(media: bytes) -> bool:
    essence, *parameters = media.decode("latin-1").lower().split(";")
    essence = essence.strip()
    if essence != "application/json" and not (
        essence.startswith("application/") and essence.endswith("+json")
    ):
        return False
    charsets = [text.strip() for text in parameters if text.strip().startswith("charset=")]
    return all(text.partition("=")[2].strip('"') in ("utf-8", "utf8") for text in charsets)


def _what_is_said(scope: Scope) -> tuple[bytes | None, bytes, bool]:
    declared, media, is_chunked = None, b"", False
    for name, value in scope["headers"]:
        if name == b"content-length":
            declared = value
        elif name == b"content-type":
            # Two types are none.
            media = b"several" if media else value
        elif name == b"transfer-encoding":
            is_chunked = True
    return declared, media, is_chunked


def _raising(error: HTTPException) -> Receive:
    async def refuse() -> Message:
        raise error

    return refuse


def _counted(receive: Receive, most: int) -> Receive:
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > most:
            raise BodyTooLarge(most)
        return message

    return counted
