"""`python -m practice.provider`: run the practice payment provider."""

import argparse
from pathlib import Path

import uvicorn

from practice.provider.server import create_app


def main() -> None:
    parser = argparse.ArgumentParser(prog="practice.provider", description=main.__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--keys-dir", type=Path, required=True)
    parser.add_argument("--book", type=Path, required=True)
    parser.add_argument(
        "--notify-retry-scale", type=float, default=1.0,
        help="1.0: the providers' real intervals; 0.01: within seconds",
    )  # fmt: skip
    asked = parser.parse_args()
    asked.book.parent.mkdir(parents=True, exist_ok=True)
    app = create_app(asked.keys_dir, asked.book, notify_retry_scale=asked.notify_retry_scale)
    # Calls that hang on purpose must not hold up the shutdown.
    uvicorn.run(
        app, host=asked.host, port=asked.port, log_level="warning", access_log=False,
        timeout_graceful_shutdown=1,
    )  # fmt: skip


if __name__ == "__main__":
    main()
