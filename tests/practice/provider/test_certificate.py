"""WeChat Pay's platform certificate: for merchants that verify by it, or by both."""

import json
from base64 import b64decode
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509 import Certificate, load_pem_x509_certificate

from practice.provider.certificate import PlatformCertificate, new_certificate
from practice.provider.keys import Keys
from tests.support.letterbox import Letterbox
from tests.support.merchant import WechatPayMerchant, verifies


@pytest.fixture
def keys(keys_dir: Path) -> Keys:
    return Keys(keys_dir)


def signed_by(certificate: Certificate, headers: httpx.Headers, body: bytes) -> bool:
    key = certificate.public_key()
    assert isinstance(key, RSAPublicKey)
    head = f"{headers['wechatpay-timestamp']}\n{headers['wechatpay-nonce']}\n".encode()
    return verifies(key, head + body + b"\n", headers["wechatpay-signature"])


def test_a_certificate_reads_back_with_its_serial_and_its_lifetime(
    tmp_path: Path, keys: Keys
) -> None:
    path = tmp_path / "certificate.pem"
    path.write_bytes(new_certificate(keys.platform))
    certificate = PlatformCertificate.read(path, keys.platform)
    since, until = certificate.lifetime
    assert certificate.pem == path.read_bytes()
    assert int(certificate.serial, 16) == certificate.certificate.serial_number
    assert until - since > 86_400


async def test_the_certificate_is_told_sealed_and_signs_its_own_answer(
    provider: httpx.AsyncClient, wechatpay: WechatPayMerchant, keys: Keys
) -> None:
    headers = {"Wechatpay-Serial": keys.certificate.serial}
    answer = await wechatpay.send("GET", "/v3/certificates", headers=headers)
    (line,) = answer.json()["data"]
    sealed = line["encrypt_certificate"]
    plain = AESGCM(keys.api_v3_key).decrypt(
        sealed["nonce"].encode(),
        b64decode(sealed["ciphertext"]),
        sealed["associated_data"].encode(),
    )
    certificate = load_pem_x509_certificate(plain)
    assert line["serial_no"] == answer.headers["wechatpay-serial"] == keys.certificate.serial
    assert f"{certificate.serial_number:X}" == line["serial_no"]
    assert signed_by(certificate, answer.headers, answer.content)


async def test_the_request_names_the_key_that_signs_the_answer(
    provider: httpx.AsyncClient, wechatpay: WechatPayMerchant, keys: Keys
) -> None:
    target = f"/v3/pay/transactions/out-trade-no/nobody?mchid={wechatpay.mchid}"
    public, certified = keys.accounts.platform_serial, keys.certificate.serial

    async def signer(asked: str | None) -> str:
        headers = {"Wechatpay-Serial": asked} if asked else {}
        answer = await wechatpay.send("GET", target, headers=headers)
        assert answer.status_code == (400 if asked == "unheard-of" else 404)
        return answer.headers["wechatpay-serial"]

    assert [await signer(asked) for asked in (None, public, certified)] == [
        public,
        public,
        certified,
    ]
    # A merchant that is being moved: the certificate, unless he asks for the public key.
    await provider.put("/control", json={"sign_by_certificate": 1.0})
    assert [await signer(asked) for asked in (None, public)] == [certified, public]
    assert await signer("unheard-of") == public


async def test_notices_of_a_merchant_that_is_being_moved_are_signed_by_the_certificate(
    provider: httpx.AsyncClient, wechatpay: WechatPayMerchant, keys: Keys, letterbox: Letterbox
) -> None:
    await provider.put("/trades/moved-1/control", json={"sign_by_certificate": 1.0})
    headers = {"Wechatpay-Serial": keys.accounts.platform_serial}
    said = wechatpay.order("moved-1")
    answer = await wechatpay.send("POST", "/v3/pay/transactions/native", said, headers=headers)
    assert wechatpay.authentic(dict(answer.headers), answer.content)
    await provider.post("/trades/moved-1/pay")
    letter = (await letterbox.arrived(1))[0]
    headers_sent = httpx.Headers(letter.headers)
    assert headers_sent["wechatpay-serial"] == keys.certificate.serial
    assert signed_by(keys.certificate.certificate, headers_sent, letter.body)
    assert json.loads(letter.body)["event_type"] == "TRANSACTION.SUCCESS"
