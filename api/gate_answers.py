"""What the gate can answer, down to the bytes: no response objects at the one route that is hot."""

from functools import cache, lru_cache
from typing import NamedTuple

from starlette.types import Send

from api.answer_headers import Header
from api.problems import KINDS, MEDIA_TYPE, problem_bytes
from domain.errors import ErrorCode, Refusal

ACCEPTED = "ACCEPTED"


class Answer(NamedTuple):
    """`verdict`: as it is counted. `headers`: its own, to which come those of every answer."""

    verdict: str
    status: int
    headers: tuple[Header, ...]
    body: bytes


def accepted(order_id: str) -> Answer:
    name = order_id.encode()
    body = b'{"order_id":"%b","status":"queued"}' % name
    headers = (
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"location", b"/v1/orders/" + name),
    )
    return Answer(ACCEPTED, 202, headers, body)


def refused(refusal: Refusal) -> Answer:
    if refusal.detail or refusal.extra:
        return _problem(refusal)
    return plainly_refused(refusal.code)


# Who waits changes more slowly than clicks come.
@lru_cache(maxsize=64)
def sold_out(waiting: int | None, *, for_now: bool = False) -> Answer:
    """`waiting`: tickets in the item's room, None where there is none. `for_now`: said by a memory
    that is a moment old, and a unit may have come back since."""
    answer = (
        plainly_refused(ErrorCode.SOLD_OUT)
        if waiting is None
        else _problem(Refusal(ErrorCode.SOLD_OUT, waiting=waiting))
    )
    if for_now:
        answer = answer._replace(headers=(*answer.headers, (b"retry-after", b"1")))
    return answer


# Once everything is sold, this is nearly all there is to say.
@cache
def plainly_refused(code: ErrorCode) -> Answer:
    return _problem(Refusal(code))


def _problem(refusal: Refusal) -> Answer:
    kind = KINDS[refusal.code]
    body = problem_bytes(refusal, kind.status)
    headers = (
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        *((name.lower().encode(), value.encode()) for name, value in kind.headers.items()),
    )
    return Answer(refusal.code.value, kind.status, headers, body)


async def send_answer(send: Send, answer: Answer, dressing: tuple[Header, ...] = ()) -> None:
    """`dressing`: headers of every answer, where nobody further out adds them."""
    headers = [*answer.headers, *dressing]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
