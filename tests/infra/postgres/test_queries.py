import base64

import pytest

from domain.errors import ErrorCode, Refusal
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.notices import Notices
from infra.postgres.orders import Orders
from infra.postgres.sales import Sales


def _wrapped(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


GARBAGE = [
    "",
    "=",
    "a",
    "%%%",
    "名前",
    "\x00",
    "x" * 100_000,
    _wrapped(b""),
    _wrapped(b"\x00"),
    _wrapped(b"\xff\xfe"),
    _wrapped("名前".encode()),
    _wrapped(b"' OR 1=1 --"),
    _wrapped(b"x" * 65),
]
NO_NUMBERS = [_wrapped(b"ORDER"), _wrapped(b"-1"), _wrapped(b"9" * 19), _wrapped(b"9" * 64)]


@pytest.mark.parametrize("cursor", GARBAGE)
async def test_a_cursor_nobody_gave_out_is_refused(database: Database, cursor: str) -> None:
    async with database.transaction() as connection:
        for page in [
            Orders(connection).of_user("ada", cursor, 10),
            Sales(connection).page(cursor, 10),
            Attentions(connection).open_(cursor, 10),
        ]:
            with pytest.raises(Refusal) as refused:
                await page
            assert refused.value.code is ErrorCode.INVALID


@pytest.mark.parametrize("cursor", NO_NUMBERS)
async def test_a_list_that_counts_refuses_a_cursor_that_is_no_number(
    database: Database, cursor: str
) -> None:
    async with database.transaction() as connection:
        for page in [
            Attentions(connection).open_(cursor, 10),
            Notices(connection).page(cursor, 10),
        ]:
            with pytest.raises(Refusal) as refused:
                await page
            assert refused.value.code is ErrorCode.INVALID


async def test_a_limit_out_of_bounds_is_brought_back_into_them(database: Database) -> None:
    async with database.transaction() as connection:
        assert await Orders(connection).search(limit=-1) == ([], None)
        assert await Orders(connection).search(limit=2**70) == ([], None)
