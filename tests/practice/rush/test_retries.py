"""What is lost or refused for the moment is asked for again."""

from random import Random

from practice.rush.http import Answer, Unreachable
from practice.rush.notes import Notes
from practice.rush.retries import Retries


def _retries(notes: Notes, seconds: float = 5.0) -> Retries:
    return Retries(notes, seconds, Random("1"))


async def test_lost_and_busy_answers_are_asked_for_again_and_counted() -> None:
    outcomes: list[Answer | Unreachable] = [
        Unreachable("reset"),
        Answer(503, {"retry-after": "0"}, b""),
        Answer(202, {}, b""),
    ]
    notes = Notes()

    async def request() -> Answer:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Unreachable):
            raise outcome
        return outcome

    answer = await _retries(notes).ask(request)
    assert answer is not None
    assert answer.status == 202
    assert dict(notes.faults) == {"unreachable": 1, "503": 1}


async def test_a_refusal_is_an_answer_and_not_asked_again() -> None:
    calls = 0

    async def request() -> Answer:
        nonlocal calls
        calls += 1
        return Answer(409, {}, b'{"code":"SOLD_OUT"}')

    answer = await _retries(Notes()).ask(request)
    assert answer is not None
    assert answer.document() == {"code": "SOLD_OUT"}
    assert calls == 1


async def test_retries_ends() -> None:
    async def request() -> Answer:
        raise Unreachable("refused")

    assert await _retries(Notes(), seconds=0.3).ask(request) is None
