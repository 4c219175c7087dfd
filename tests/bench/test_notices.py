"""Notices of payments, as our own adapter reads them."""

import json
from pathlib import Path
from urllib.parse import parse_qs

from bench.notices import NoticeMaker
from practice.provider import alipay_wire
from practice.provider.keys import Keys


def test_a_notice_says_what_was_paid_and_is_signed_by_the_provider(keys_dir: Path) -> None:
    keys = Keys(keys_dir)
    body = NoticeMaker(keys_dir).paid("P-1", 9_900).decode()
    fields = {name: values[0] for name, values in parse_qs(body, strict_parsing=True).items()}
    signature, kind = fields.pop("sign"), fields.pop("sign_type")
    assert kind == "RSA2"
    assert alipay_wire.is_signed({**fields, "sign": signature}, keys.alipay_provider.public_key())
    assert (fields["out_trade_no"], fields["total_amount"]) == ("P-1", "99.00")
    assert fields["trade_status"] == "TRADE_SUCCESS"
    assert fields["app_id"] == json.loads((keys_dir / "accounts.json").read_text())["app_id"]


def test_two_notices_are_two_trades(keys_dir: Path) -> None:
    maker = NoticeMaker(keys_dir)
    trades = {parse_qs(maker.paid("P-1", 1).decode())["trade_no"][0] for _ in range(2)}
    assert len(trades) == 2
