"""How this process serves HTTP: the one place of the server's settings."""

import socket
import sys
from contextlib import suppress

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from api.connections import LimitedWebSocket, Limits, limited_protocol
from api.open_files import connections_that_fit

MOST_CONNECTIONS = 10_000
# Clients of a stream have nothing to say.
MOST_SAID_BYTES = 1_024
# By it a client that is gone is found, and a proxy is kept from taking the connection for dead.
PING_SECONDS = 15.0


class StreamingServer(uvicorn.Server):
    """Ends all streams before it waits for answers that are under way: they would go on for ever.
    The application hands them over as `streams` of its lifespan's state."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        streams = self.lifespan.state.get("streams")
        if streams is not None:
            streams.end_all()
        await super().shutdown(sockets)


def serve(application: str, *, host: str, port: int, connections: int = MOST_CONNECTIONS) -> None:
    """Serve the application that the factory `module:function` makes, until a signal comes.
    `connections`: at most so many at once, or as many as there are files for."""
    config = uvicorn.Config(
        application,
        factory=True,
        host=host,
        port=port,
        loop="uvloop",
        http=limited_protocol(Limits(connections=connections_that_fit(connections))),
        ws=LimitedWebSocket,
        ws_max_size=MOST_SAID_BYTES,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        # Views are short, and what packs them takes more memory than the rest of a stream.
        ws_per_message_deflate=False,
        # Only of who is refused it is asked where he came from (`addresses.py`): a layer around
        # each click would be for nothing.
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        # What a client is still being told after three seconds it asks for again.
        timeout_graceful_shutdown=3,
    )
    server = StreamingServer(config)
    # It ends in good order, and then raises the signal that it was told to end by.
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)
