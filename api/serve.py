"""How this process serves HTTP: the one place of the server's settings."""

import uvicorn

from api.connections import Limits, limited_protocol
from api.open_files import connections_that_fit

MOST_CONNECTIONS = 5_000


def serve(application: str, *, host: str, port: int, connections: int = MOST_CONNECTIONS) -> None:
    """Serve the application that the factory `module:function` makes, until a signal comes.
    `connections`: at most so many at once, or as many as there are files for."""
    uvicorn.run(
        application,
        factory=True,
        host=host,
        port=port,
        loop="uvloop",
        http=limited_protocol(Limits(connections=connections_that_fit(connections))),
        ws="none",
        # Only of who is refused it is asked where he came from (`addresses.py`): a layer around
        # each click would be for nothing.
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        # What a client is still being told after three seconds it asks for again.
        timeout_graceful_shutdown=3,
    )
