"""Alipay's wire: what is signed, and how forms and answers are opened."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from infra.gateways.alipay.wire import BadAnswer, form_pairs, open_answer, signed, signed_text
from infra.gateways.rsa import sign, verifies
from tests.support.notice_keys import AlipaySide

METHOD = "alipay.trade.query"
NODE = '{"code" : "10000", "qr_code":"https:\\/\\/x", "subject":"\\u79d2"}'


@pytest.fixture
def key(alipay_side: AlipaySide) -> RSAPrivateKey:
    return alipay_side.key


def envelope(
    key: RSAPrivateKey, node: str = NODE, name: str = "alipay_trade_query_response"
) -> str:
    return f'{{"{name}":{node},"sign":"{sign(key, node.encode())}"}}'


def test_pairs_are_signed_in_the_order_of_their_names() -> None:
    assert signed_text([(b"b", b"2"), (b"a", "秒".encode("gbk"))]) == b"a=\xc3\xeb&b=2"


def test_a_request_signs_its_sign_type_as_well(key: RSAPrivateKey) -> None:
    parameters = signed({"sign_type": "RSA2", "method": METHOD}, key)
    message = f"method={METHOD}&sign_type=RSA2".encode()
    assert verifies(key.public_key(), message, parameters["sign"])


def test_a_form_is_decoded_once() -> None:
    assert form_pairs(b"a=1%2B1&b=x+y&c=") == {b"a": b"1+1", b"b": b"x y", b"c": b""}


@pytest.mark.parametrize(
    "body", [b"", b"a", b"a=1&", b"=1", b"a=%4", b"a=\0", b"a=1&a=1", b"a=1&%61=2"]
)
def test_what_is_no_form_or_names_one_twice_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        form_pairs(body)


def test_an_answer_is_verified_in_its_very_characters(key: RSAPrivateKey) -> None:
    assert open_answer(envelope(key).encode(), METHOD, key.public_key()) == NODE
    rewritten = envelope(key).replace(NODE, json.dumps(json.loads(NODE)))
    with pytest.raises(BadAnswer, match="signature"):
        open_answer(rewritten.encode(), METHOD, key.public_key())


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"\xff", b'{"sign":1}', b'{"sign":"a","sign":"b"}', b'{"a":1}x']
)
def test_what_is_no_answer_of_this_call_is_refused(key: RSAPrivateKey, body: bytes) -> None:
    with pytest.raises(BadAnswer):
        open_answer(body, METHOD, key.public_key())


def test_a_node_of_another_call_is_no_answer(key: RSAPrivateKey) -> None:
    body = envelope(key, name="alipay_trade_close_response").encode()
    with pytest.raises(BadAnswer, match="no answer node"):
        open_answer(body, METHOD, key.public_key())
