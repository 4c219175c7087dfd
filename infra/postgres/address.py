"""Where Postgres is, as libpq writes it, and connections to it.

What the driver does not do is refused before anybody connects: an option it does not know would go
to the server as a setting, and come back as an error that names neither the DSN nor the option.
"""

import getpass
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Self
from urllib.parse import parse_qsl, quote, unquote, urlencode

import asyncpg

from infra.settings import UnusableSetting

# No fragment, and `?` only after the hosts, as libpq reads it: a password may hold `?` and `#`.
_URL = re.compile(
    r"postgres(?:ql)?(?:\+\w+)?://(?:(?P<user>[^:@/]*)(?::(?P<password>[^@/]*))?@)?"
    r"(?P<hosts>[^/?]*)(?:/(?P<dbname>[^?]*))?(?:\?(?P<options>.*))?"
)
_WORD = re.compile(r"\s*(\w+)\s*=\s*(?:'((?:\\.|[^'\\])*)'|((?:\\.|[^\s'\\])*))(?=\s|$)")
_HOST_AND_PORT = re.compile(r"(?:\[(?P<six>[^\]]*)\]|(?P<host>[^:[]*))(?::(?P<port>.*))?")

_READ_HERE = frozenset(
    (
        *("host", "port", "user", "password", "dbname", "connect_timeout", "options"),
        *("target_session_attrs", "application_name", "fallback_application_name"),
    )
)
_TLS_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_TLS_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
# The driver itself makes of these what libpq does.
_HANDED_ON = frozenset(
    (
        *(*_TLS_FILES, "sslmode", "sslpassword", "sslnegotiation", "passfile", "service"),
        *("ssl_min_protocol_version", "ssl_max_protocol_version", "krbsrvname", "gsslib"),
    )
)
# What comes about anyway; hosted services write it into the DSNs they hand out.
_ANYWAY = {
    "channel_binding": ("prefer", "disable"),
    "gssencmode": ("prefer", "disable"),
    "client_encoding": ("auto", "utf8", "utf-8"),
    "sslcompression": ("0",),
    "sslsni": ("1",),
    "keepalives": ("1",),
    "load_balance_hosts": ("disable",),
}
# An order must be written: a standby is of no use.
_WRITING_SERVERS = ("any", "primary", "read-write")


@dataclass(frozen=True)
class PostgresAddress:
    """`hosts` are asked in turn, each for `connect_seconds` (None: as long as the caller says),
    until one answers that is what `session_attrs` asks for; no host is where libpq would look.
    `startup`: settings of each session. `handed_on`: what the driver reads by itself."""

    hosts: tuple[tuple[str | None, int | None], ...]
    user: str | None
    password: str | None
    database: str | None
    connect_seconds: int | None
    session_attrs: str
    startup: Mapping[str, str]
    handed_on: str

    @classmethod
    def parse(cls, dsn: str) -> Self:
        """A DSN with a scheme, or `key=value` words. Raises UnusableSetting, in one line that
        holds nothing secret."""
        options = _options(dsn)
        _refuse_what_is_not_done(options)
        _refuse_nobody(options)
        named = options.get("application_name") or options.get("fallback_application_name")
        session = {"application_name": named or "seckill"}
        if options.get("options"):
            session["options"] = options["options"]
        return cls(
            hosts=_hosts(options.get("host", ""), options.get("port", "")),
            user=options.get("user") or None,
            password=options.get("password"),
            database=options.get("dbname") or None,
            connect_seconds=_whole(options, "connect_timeout") or None,
            session_attrs=options.get("target_session_attrs", "any"),
            startup=session,
            handed_on="postgresql://?" + urlencode(_for_the_driver(options), quote_via=quote),
        )

    async def connect(
        self,
        *,
        timeout: float,
        server_settings: Mapping[str, str] | None = None,
        database: str | None = None,
        **options: Any,
    ) -> "asyncpg.Connection[asyncpg.Record]":
        """`timeout` in seconds is for each host, where the DSN says nothing else. Raises what the
        last host said: OSError, TimeoutError, asyncpg.PostgresError."""
        connect: Any = asyncpg.connect
        failure: Exception | None = None
        for host, port in self.hosts:
            try:
                connection: asyncpg.Connection[asyncpg.Record] = await connect(
                    self.handed_on,
                    host=host,
                    port=port,
                    user=self.user,
                    password=self.password,
                    database=database or self.database,
                    timeout=self.connect_seconds or timeout,
                    target_session_attrs=self.session_attrs,
                    server_settings={**(server_settings or {}), **self.startup},
                    **options,
                )
                return connection
            # Any other error is an answer, as with libpq: the next host would say the same.
            except (
                OSError,
                asyncpg.CannotConnectNowError,
                asyncpg.TargetServerAttributeNotMatched,
            ) as error:
                failure = error
        raise failure or OSError("no host to connect to")


def _options(dsn: str) -> dict[str, str]:
    """Every part of the DSN by libpq's name for it."""
    url = _URL.fullmatch(dsn.strip())
    options = _words(dsn) if url is None else _parts(url)
    # As SQLAlchemy's dialect spells it.
    if "ssl" in options:
        options.setdefault("sslmode", options.pop("ssl"))
    if "database" in options:
        options.setdefault("dbname", options.pop("database"))
    return options


def _parts(url: re.Match[str]) -> dict[str, str]:
    hosts, ports = [], []
    for host in url["hosts"].split(",") if url["hosts"] else ():
        found = _HOST_AND_PORT.fullmatch(host)
        if found is None:
            _refuse("an IPv6 host stands in brackets, and special characters of a password as %XX")
        hosts.append(unquote(found["six"] or found["host"] or ""))
        ports.append(unquote(found["port"] or ""))
    named = {name: unquote(url[name]) for name in ("user", "password", "dbname") if url[name]}
    if hosts:
        named |= {"host": ",".join(hosts), "port": ",".join(ports)}
    # `+` is a plus here, which parse_qsl would take for a space.
    written = (url["options"] or "").replace("+", "%2B")
    return named | dict(parse_qsl(written, keep_blank_values=True))


def _words(dsn: str) -> dict[str, str]:
    options, end = {}, 0
    while word := _WORD.match(dsn, end):
        name, quoted, bare = word.groups()
        options[name] = re.sub(r"\\(.)", r"\1", quoted if quoted is not None else bare)
        end = word.end()
    if dsn[end:].strip():
        _refuse("neither postgresql://user:password@host:port/database nor key=value words")
    return options


def _refuse_what_is_not_done(options: Mapping[str, str]) -> None:
    for name, value in options.items():
        if name in _ANYWAY:
            if value.lower() not in _ANYWAY[name]:
                _refuse(f"{name}={value} cannot be done here: only {' or '.join(_ANYWAY[name])}")
        elif name not in _READ_HERE | _HANDED_ON:
            _refuse(
                f"the option {name} is not understood; these are: "
                + ", ".join(sorted(_READ_HERE | _HANDED_ON | _ANYWAY.keys()))
            )
    _refuse_other_than(options, "target_session_attrs", _WRITING_SERVERS)
    _refuse_other_than(options, "sslmode", _TLS_MODES)


def _refuse_other_than(options: Mapping[str, str], name: str, known: tuple[str, ...]) -> None:
    if options.get(name, known[0]) not in known:
        _refuse(f"{name} is one of {', '.join(known)}, and not {options[name]}")


def _for_the_driver(options: Mapping[str, str]) -> dict[str, str]:
    """Raises for certificates that cannot be read: else each connection would, for ever."""
    chosen = {name: value for name, value in options.items() if name in _HANDED_ON and value}
    if chosen.get("sslrootcert") == "system":
        roots = ssl.get_default_verify_paths().cafile
        if roots is None:
            _refuse("sslrootcert=system: this system keeps its roots in no one file; name one")
        chosen |= {"sslrootcert": roots, "sslmode": "verify-full"}
    for name in _TLS_FILES:
        if name in chosen and not os.access(chosen[name], os.R_OK):
            _refuse(f"{name}: {chosen[name]} cannot be read")
    if "sslrootcert" in chosen:
        try:
            ssl.create_default_context(cafile=chosen["sslrootcert"])
        except ssl.SSLError:
            _refuse(f"sslrootcert: {chosen['sslrootcert']} holds no certificate")
    elif chosen.get("sslmode", "").startswith("verify-"):
        default = Path(os.environ.get("HOME", "/"), ".postgresql", "root.crt")
        if not os.environ.get("PGSSLROOTCERT") and not default.exists():
            _refuse(f"sslmode={chosen['sslmode']} needs sslrootcert, the file of whom to trust")
    return chosen


def _hosts(hosts: str, ports: str) -> tuple[tuple[str | None, int | None], ...]:
    names, numbers = hosts.split(","), [_port(port) for port in ports.split(",")]
    if len(numbers) == 1:
        numbers *= len(names)
    if len(numbers) != len(names):
        _refuse(f"{len(names)} hosts and {len(numbers)} ports")
    return tuple((name or None, number) for name, number in zip(names, numbers, strict=True))


def _port(port: str) -> int | None:
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        # Not the port itself: it is half a password where one holds an unescaped sign.
        _refuse("a port is no number; special characters of a password are written as %XX")
    return int(port) if port else None


def _refuse_nobody(options: Mapping[str, str]) -> None:
    """A DSN without a user means the process's own, who in a container may have no name."""
    elsewhere = (os.environ.get("PGUSER"), os.environ.get("PGSERVICE"), options.get("service"))
    if options.get("user") or any(elsewhere):
        return
    try:
        getpass.getuser()
    except (KeyError, OSError):
        _refuse("no user is named, and this process's own uid has no name")


def _whole(options: Mapping[str, str], name: str) -> int:
    try:
        return max(0, int(options.get(name) or "0"))
    except ValueError:
        _refuse(f"{name} is a number of seconds, and not {options[name]}")


def _refuse(reason: str) -> NoReturn:
    raise UnusableSetting(f"SECKILL_POSTGRES_DSN: {reason}")
