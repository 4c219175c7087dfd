"""How this process serves HTTP: the one place of the server's settings."""

import gc

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


def tune_garbage_collection() -> None:
    """What is alive now stays alive; scanning it again and again cost half the throughput."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 1000)
