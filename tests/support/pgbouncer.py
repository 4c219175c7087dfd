"""A PgBouncer in transaction mode in front of a Postgres, where this machine has one."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from sqlalchemy import make_url

from practice.stack.ports import free_port
from tests.support.polling import until

# Debian keeps it where an ordinary user's PATH does not look.
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
# Fewer than there are clients: each transaction may well get another one.
SERVER_CONNECTIONS = 2


@asynccontextmanager
async def pgbouncer(dsn: str, folder: Path, *settings: str) -> AsyncIterator[str]:
    """The DSN of the same database by way of PgBouncer as it comes, and `settings`."""
    assert PGBOUNCER is not None
    url, port = make_url(dsn), free_port()
    to_postgres = f"host={url.host} port={url.port} user={url.username}"
    written = (
        *("[databases]", f"* = {to_postgres}", "[pgbouncer]", "auth_type = any"),
        *("listen_addr = 127.0.0.1", f"listen_port = {port}", "unix_socket_dir ="),
        *("pool_mode = transaction", f"default_pool_size = {SERVER_CONNECTIONS}", *settings),
    )
    config = folder / "pgbouncer.ini"
    config.write_text("\n".join(written) + "\n")
    # It refuses to run as root, and must read its file then.
    as_nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")
    process = await asyncio.create_subprocess_exec(
        *(*(as_nobody if os.geteuid() == 0 else ()), PGBOUNCER, "/dev/stdin"),
        stdin=config.open("rb"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await until(lambda: _listens(port))
        there = url.set(host="127.0.0.1", port=port)
        yield there.render_as_string(hide_password=False)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _listens(port: int) -> bool:
    with suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False
