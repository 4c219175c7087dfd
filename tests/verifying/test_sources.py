from pathlib import Path

import httpx
import pytest

from tests.support.published_draw import (
    BEACON,
    COMMITMENT,
    PLACES,
    PUBLISHED,
    list_answer,
    places_answer,
    room_answer,
)
from verifying.draw import Unreadable
from verifying.sources import NotAnswered, NotDrawn, from_api, from_files, published_in


def test_answers_are_read_as_they_are() -> None:
    read = published_in(room_answer(), list_answer(), places_answer(), noted_commitment=COMMITMENT)

    assert read == PUBLISHED
    assert published_in(room_answer(beacon=BEACON), list_answer(), None).beacon == b"drand 4242"
    holed = published_in(room_answer(), "\n" + list_answer(), places_answer() + "\n")
    assert holed.leaves[:1] == (None,)
    assert holed.places == (*PLACES, None)


def test_saved_answers_are_read_from_files(tmp_path: Path) -> None:
    room, leaves, places = (tmp_path / name for name in ("room.json", "list", "places"))
    room.write_text(room_answer())
    leaves.write_text(list_answer())
    places.write_text(places_answer())

    assert from_files(room, leaves, places, COMMITMENT) == PUBLISHED
    assert from_files(room, leaves, None).places is None


@pytest.mark.parametrize("member", ["seed", "digest"])
def test_before_the_pool_ends_there_is_nothing_to_check(member: str) -> None:
    with pytest.raises(NotDrawn):
        published_in(room_answer(**{member: None}), "", "")


@pytest.mark.parametrize(
    "answers",
    [
        ("", "", ""),
        ("[]", "", ""),
        (room_answer(seed="zz"), "", ""),
        (room_answer(digest="00"), "", ""),
        (room_answer(pool_size="many"), "", ""),
        (room_answer(), "<html>", ""),
        (room_answer(), "", "first"),
    ],
)
def test_what_is_no_answer_of_ours_is_unreadable(answers: tuple[str, str, str]) -> None:
    with pytest.raises(Unreadable):
        published_in(*answers)


def test_the_api_is_asked_at_its_three_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"": room_answer(), "/list": list_answer(), "/places": places_answer()}
    base = "/v1/sales/sale-1/items/mug/room"
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        rest = request.url.path.removeprefix(base)
        return httpx.Response(200 if rest in said else 404, text=said.get(rest, ""))

    client = httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **_: client(transport=httpx.MockTransport(answer)))

    assert from_api("http://shop/", "sale-1", "mug", COMMITMENT) == PUBLISHED
    assert asked == [base, f"{base}/list", f"{base}/places"]
    with pytest.raises(NotAnswered, match="404"):
        from_api("http://shop", "sale-2", "mug")
