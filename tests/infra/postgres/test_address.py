"""DSNs as libpq writes them: connected by, by each command, or refused in one line."""

import asyncio
import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import make_url, text

from infra.postgres.address import PostgresAddress
from infra.postgres.engine import Database
from infra.postgres.migrate import migrate
from infra.settings import UnusableSetting
from tests.support.tls_postgres import behind_tls, make_certificate

NOBODY_THERE = "127.0.0.1:1"


def parsed(dsn: str) -> PostgresAddress:
    return PostgresAddress.parse(dsn)


class TestRead:
    def test_a_url(self) -> None:
        address = parsed("postgres://ada:p%40s%3As#?!@db.example:5433/shop%20one?sslmode=disable")

        assert (address.user, address.password) == ("ada", "p@s:s#?!")
        assert address.hosts == (("db.example", 5433),)
        assert address.database == "shop one"

    def test_words(self) -> None:
        address = parsed(
            r"host=db.example,b port=5433 user=ada password='it\'s a \\' dbname = shop"
        )

        assert address.hosts == (("db.example", 5433), ("b", 5433))
        assert (address.user, address.password) == ("ada", r"it's a \ "[:-1])
        assert address.database == "shop"

    @pytest.mark.parametrize(
        ("dsn", "hosts"),
        [
            ("postgresql://u@a:1,b:2,c/x", (("a", 1), ("b", 2), ("c", None))),
            ("postgresql://u@[::1]:7,[fe80::2]/x", (("::1", 7), ("fe80::2", None))),
            ("postgresql://u@%2Frun%2Fpg/x", (("/run/pg", None),)),
            ("postgresql://u@/x?host=/run/pg&port=6", (("/run/pg", 6),)),
            ("postgresql://u@/x", ((None, None),)),
        ],
    )
    def test_hosts(self, dsn: str, hosts: tuple[object, ...]) -> None:
        assert parsed(dsn).hosts == hosts

    def test_what_comes_about_anyway_is_no_obstacle(self) -> None:
        address = parsed("postgresql://u@h/x?channel_binding=prefer&gssencmode=disable&sslsni=1")

        assert address.startup == {"application_name": "seckill"}

    def test_who_is_not_named_is_ourselves_if_we_have_a_name(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def nobody() -> str:
            raise KeyError("getpwuid(): uid not found: 65533")

        assert parsed("postgresql://db.example/shop").user is None
        monkeypatch.setattr(getpass, "getuser", nobody)
        assert parsed("postgresql://ada@db.example/shop").user == "ada"
        with pytest.raises(UnusableSetting, match="no user is named"):
            parsed("postgresql://db.example/shop")


@pytest.mark.parametrize(
    ("dsn", "named"),
    [
        ("postgresql://u:secret@h/x?keepalives_idle=3", "keepalives_idle"),
        ("postgresql://u:secret@h/x?tcp_user_timeout=3", "tcp_user_timeout"),
        ("postgresql://u:secret@h/x?channel_binding=require", "channel_binding"),
        ("postgresql://u:secret@h/x?client_encoding=latin1", "client_encoding"),
        ("postgresql://u:secret@h/x?target_session_attrs=standby", "target_session_attrs"),
        ("postgresql://u:secret@h/x?sslmode=on", "sslmode"),
        ("postgresql://u:secret@h/x?connect_timeout=soon", "connect_timeout"),
        ("postgresql://u:secret@h/x?sslmode=verify-full&sslrootcert=/none.crt", "/none.crt"),
        (f"postgresql://u:secret@h/x?sslrootcert={__file__}", "holds no certificate"),
        ("postgresql://u:secret@h:five/x", "port"),
        ("postgresql://u:secret@[::1/x", "brackets"),
        ("host=a,b,c port=1,2 password=secret", "3 hosts and 2 ports"),
        ("postgresql://u:sec/ret@h/x", "%XX"),
        ("mysql://u:secret@h/x", "postgresql://"),
        ("u:secret@h", "postgresql://"),
    ],
)
def test_what_is_not_understood_is_named_in_one_line_without_secrets(dsn: str, named: str) -> None:
    with pytest.raises(UnusableSetting) as refused:
        PostgresAddress.parse(dsn)

    said = str(refused.value)
    assert said.startswith("SECKILL_POSTGRES_DSN: ")
    assert named in said
    assert "\n" not in said
    assert "secret" not in said


def test_a_certificate_is_checked_against_somebody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UnusableSetting, match="sslrootcert"):
        parsed("postgresql://u@h/x?sslmode=verify-full")


async def asked(dsn: str, query: str, **options: Any) -> Any:
    """By the way that the api, the worker and the audit go; the schema by migrate's."""
    await migrate(dsn)
    database = Database.connect(dsn, **options)
    try:
        async with database.transaction() as connection:
            return (await connection.execute(text(query))).scalar_one()
    finally:
        await database.aclose()


@pytest.mark.parametrize(
    ("options", "query", "answer"),
    [
        ("sslmode=disable", "SELECT 1", 1),
        ("sslmode=allow", "SELECT 1", 1),
        ("sslmode=prefer", "SELECT 1", 1),
        ("ssl=prefer", "SELECT 1", 1),
        ("connect_timeout=7", "SELECT 1", 1),
        ("", "SHOW application_name", "seckill"),
        ("application_name=till%202", "SHOW application_name", "till 2"),
        ("fallback_application_name=x", "SHOW application_name", "x"),
        ("options=-c%20statement_timeout%3D4321", "SHOW statement_timeout", "4321ms"),
        ("options=-cwork_mem=7MB", "SHOW work_mem", "7MB"),
        ("target_session_attrs=read-write", "SELECT 1", 1),
        ("target_session_attrs=primary", "SELECT 1", 1),
        ("", "SHOW idle_in_transaction_session_timeout", "30s"),
    ],
)
async def test_each_option_reaches_the_server(
    postgres_dsn: str, options: str, query: str, answer: object
) -> None:
    assert await asked(f"{postgres_dsn}?{options}", query) == answer


async def test_words_reach_the_server(postgres_dsn: str) -> None:
    url = make_url(postgres_dsn)
    words = f"host={url.host} port={url.port} user={url.username} dbname={url.database}"

    assert await asked(f"{words} application_name='at noon'", "SHOW application_name") == "at noon"


class TestSeveralHosts:
    def dsn(self, postgres_dsn: str, *others: str, options: str = "") -> str:
        url = make_url(postgres_dsn)
        hosts = ",".join((*others, f"{url.host}:{url.port}"))
        return f"postgresql://{url.username}@{hosts}/{url.database}?{options}"

    async def test_the_next_one_is_asked_where_nobody_answers(self, postgres_dsn: str) -> None:
        writing = "target_session_attrs=read-write"
        dsn = self.dsn(postgres_dsn, NOBODY_THERE, options=writing)

        assert await asked(dsn, "SELECT 1") == 1

    async def test_each_one_has_its_time(self, postgres_dsn: str) -> None:
        async with a_port_that_says_nothing() as port:
            dsn = self.dsn(postgres_dsn, f"127.0.0.1:{port}", options="connect_timeout=1")
            assert await asked(dsn, "SELECT 1") == 1

    async def test_a_standby_is_passed_by(self, postgres_dsn: str) -> None:
        """One that only reads stands for it: what is asked is whether it takes writes."""
        reading = "options=-cdefault_transaction_read_only%3Don&target_session_attrs=read-write"

        with pytest.raises(asyncpg.TargetServerAttributeNotMatched):
            await parsed(f"{postgres_dsn}?{reading}").connect(timeout=5)

    async def test_what_the_last_one_said_is_told(self) -> None:
        nowhere = parsed(f"postgresql://u@{NOBODY_THERE},{NOBODY_THERE}/x")

        with pytest.raises(OSError, match="Connect call failed"):
            await nowhere.connect(timeout=1)


class TestTls:
    """Of a server that talks nothing else, with a certificate of its own."""

    @pytest.fixture
    async def served(self, postgres_dsn: str, tmp_path: Path) -> AsyncIterator[tuple[str, Path]]:
        certificate, key = make_certificate(tmp_path)
        url = make_url(postgres_dsn)
        async with behind_tls(url.port or 0, certificate, key) as port:
            dsn = url.set(port=port).render_as_string(hide_password=False)
            yield dsn, certificate

    @pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
    async def test_a_certificate_that_is_trusted(self, served: tuple[str, Path], mode: str) -> None:
        dsn, certificate = served

        assert await asked(f"{dsn}?sslmode={mode}&sslrootcert={certificate}", "SELECT 1") == 1

    async def test_any_certificate(self, served: tuple[str, Path]) -> None:
        assert await asked(f"{served[0]}?sslmode=require", "SELECT 1") == 1

    async def test_a_certificate_of_nobody_we_trust(self, served: tuple[str, Path]) -> None:
        stranger = parsed(f"{served[0]}?sslrootcert=system")

        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            await stranger.connect(timeout=5)


@asynccontextmanager
async def a_port_that_says_nothing() -> AsyncIterator[int]:
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
