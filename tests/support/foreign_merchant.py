"""A merchant of the practice provider whose software nobody here wrote."""

import asyncio
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support.letterbox import Letter, Letterbox
from tests.support.merchant import private_key

# Off the call's own thread: these SDKs block, and the provider they call lives in this process.
away = asyncio.to_thread


@dataclass
class ForeignMerchant:
    """`keys_dir`: what a real sign-up would have given him. `provider` presses the buyer's
    buttons."""

    provider: httpx.AsyncClient
    url: str
    letterbox: Letterbox
    keys_dir: Path

    @property
    def accounts(self) -> dict[str, str]:
        accounts: dict[str, str] = json.loads((self.keys_dir / "accounts.json").read_text())
        return accounts

    def key(self, name: str) -> str:
        return (self.keys_dir / name).read_text()

    def pkcs1(self, name: str) -> str:
        """A private key in the older of the two spellings, the only one that some SDKs read."""
        key = private_key(self.keys_dir / name)
        encoded = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        return encoded.decode()

    async def pay(self, number: str) -> None:
        """What the buyer does, once the provider knows the trade."""
        (await self.provider.post(f"/trades/{number}/pay")).raise_for_status()

    async def switch(self, **switches: Any) -> None:
        (await self.provider.put("/control", json=switches)).raise_for_status()

    async def letter(self, count: int) -> Letter:
        """The last of so many notices."""
        return (await self.letterbox.arrived(count))[count - 1]

    async def file(self, url: str) -> bytes:
        """A file by its address, whatever name the SDK called the provider by."""
        response = await self.provider.get(httpx.URL(url).raw_path.decode())
        response.raise_for_status()
        return response.content


def lead(patch: pytest.MonkeyPatch, host: str, port: int, to: str) -> None:
    """Lets this process find `host:port` at the address `to`: a name server and a firewall, for
    an SDK that cannot be told where to call."""
    connect: Callable[..., socket.socket] = socket.create_connection
    there = httpx.URL(to)

    def led(address: tuple[str, int], *args: Any, **more: Any) -> socket.socket:
        if address == (host, port):
            address = (there.host, there.port or 80)
        return connect(address, *args, **more)

    patch.setattr(socket, "create_connection", led)
