"""How this process serves HTTP: the one place of the server's settings."""

import uvicorn


def serve(application: str, *, host: str, port: int) -> None:
    """Serve the application that the factory `module:function` makes, until a signal comes."""
    uvicorn.run(
        application,
        factory=True,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        # A buyer's open event stream must not hold up the end; the client connects again.
        timeout_graceful_shutdown=3,
    )
