"""Delivery of notices: at least once, on each provider's own schedule, never forgotten."""

import asyncio
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial

import httpx
import structlog

from practice.provider import alipay_wire, wechatpay_wire
from practice.provider.book import Provider
from practice.provider.control import Controls
from practice.provider.keys import Keys
from practice.provider.notice_queue import Event, Notice, NoticeQueue

log = structlog.get_logger()

TIMEOUT_SECONDS = 5.0
CONCURRENCY = 32
LONGEST_SLEEP = 1.0
# Seconds between repeats, from the providers' documentation.
SCHEDULES = {
    Provider.ALIPAY: (240, 600, 600, 3600, 7200, 21_600, 54_000),
    Provider.WECHATPAY: (
        15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600, 21_600,
    ),
}  # fmt: skip


@cache
def _trusted_roots() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


@dataclass(frozen=True)
class Answer:
    """What the merchant said; `status_code` is None when it said nothing."""

    acknowledged: bool
    status_code: int | None
    body: str


class NoticeSender:
    """One task that posts what is due, a bounded number at a time. A notice is marked after it
    was answered, so a crash in between sends it twice: exactly what merchants must bear."""

    def __init__(
        self, queue: NoticeQueue, keys: Keys, controls: Controls, *,
        scale: float, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._queue = queue
        self._keys = keys
        self._controls = controls
        self._scale = scale
        self._clock = clock
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._client = httpx.AsyncClient(
            timeout=TIMEOUT_SECONDS,
            limits=httpx.Limits(max_connections=CONCURRENCY),
            trust_env=False,
            verify=_trusted_roots(),
        )

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Deliver for ever; cancelled at shutdown, when unanswered notices stay as they are."""

        def ended(notice_id: int, _: asyncio.Task[None]) -> None:
            self._under_way.pop(notice_id, None)
            self._wake.set()

        while True:
            self._wake.clear()
            now = self._clock()
            free = CONCURRENCY - len(self._under_way)
            for notice in self._queue.due(now, free, besides=self._under_way.keys()):
                task = asyncio.create_task(self._deliver(notice))
                self._under_way[notice.id] = task
                task.add_done_callback(partial(ended, notice.id))
            upcoming = self._queue.next_due_at(now)
            pause = LONGEST_SLEEP if upcoming is None else min(upcoming - now, LONGEST_SLEEP)
            # Not wait_for: Python 3.11's forgets that it was cancelled if the wait ends just then.
            with suppress(TimeoutError):
                async with asyncio.timeout(max(pause, 0.001)):
                    await self._wake.wait()

    async def aclose(self) -> None:
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        await self._client.aclose()

    async def resend(self, notice: Notice) -> Answer:
        """Send a notice now, whatever became of it so far, and say what the merchant said."""
        answer = await self._post(notice)
        if answer.acknowledged:
            self._queue.delivered(notice, answer.body)
        return answer

    async def _deliver(self, notice: Notice) -> None:
        answer = await self._post(notice)
        now = self._clock()
        schedule = SCHEDULES[Provider(notice.event.trade.provider)]
        if answer.acknowledged:
            self._queue.delivered(notice, answer.body)
        elif notice.attempts >= len(schedule):
            self._queue.gave_up(notice, answer.body)
        else:
            due_at = now + schedule[notice.attempts] * self._scale
            self._queue.again(notice, due_at, answer.body)
        self._queue.let_overtaken_follow(notice, now)

    async def _post(self, notice: Notice) -> Answer:
        body, headers = self._compose(notice.event)
        out_trade_no = notice.event.trade.out_trade_no
        try:
            response = await self._client.post(notice.url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            log.info("notice_unanswered", out_trade_no=out_trade_no, error=type(error).__name__)
            return Answer(False, None, type(error).__name__)
        acknowledged = response.status_code in (200, 204)
        if notice.event.trade.provider == Provider.ALIPAY:
            # The plain word and nothing else: a page that contains it is no success.
            acknowledged = response.status_code == 200 and response.content == b"success"
        if not acknowledged:
            status_code = response.status_code
            log.info("notice_refused", out_trade_no=out_trade_no, status_code=status_code)
        return Answer(acknowledged, response.status_code, response.text[:500])

    def _compose(self, event: Event) -> tuple[bytes, dict[str, str]]:
        switches, happens = self._controls.of(event.trade.out_trade_no), self._controls.happens
        now = self._clock() + self._controls.overall().clock_seconds
        accounts = self._keys.accounts
        if happens(switches.tamper_amount):
            event = event.with_wrong_amount()
        if happens(switches.tamper_app):
            # Another merchant of the same provider: its notices verify, and are not ours.
            accounts = replace(
                accounts, app_id="2021999999999999", appid="wx9999999999999999", mchid="1999999999"
            )
        forged = happens(switches.bad_signature)
        if event.trade.provider == Provider.ALIPAY:
            key = self._keys.alipay_provider
            body = alipay_wire.notice_body(event, accounts, key, now, forged=forged)
            return body, {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        body = wechatpay_wire.notice_body(event, accounts, self._keys.api_v3_key)
        certified = happens(switches.sign_by_certificate)
        headers = wechatpay_wire.signature_headers(
            self._keys, body, now, serial=self._keys.certificate.serial if certified else "",
            forged=forged, probe=happens(switches.probe_signature),
        )  # fmt: skip
        return body, headers | {"Content-Type": "application/json"}


def latest(notices: list[Notice], kind: str | None) -> Notice | None:
    """The notice that "send it again" means: the last thing that happened, of this kind."""
    matching = [notice for notice in notices if kind in (None, notice.event.kind)]
    return matching[-1] if matching else None
