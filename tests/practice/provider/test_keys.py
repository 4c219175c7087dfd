"""The folder of keys that both sides read."""

import json
import shutil
import stat
from pathlib import Path

from practice.provider.keys import Keys
from practice.provider.server import create_app
from practice.stack.loopback import loopback_http
from tests.support.http_server import serving
from tests.support.letterbox import Letterbox
from tests.support.merchant import WechatPayMerchant
from tests.support.polling import until


def test_keys_are_made_once_and_their_secrets_are_the_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    first = Keys(folder)
    contents = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    again = Keys(folder)
    secrets = [path for path in contents if "private" in str(path) or path.suffix == ".txt"]
    assert again.accounts == first.accounts
    assert {path: path.read_bytes() for path in contents} == contents
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(secrets) == 6
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
    assert len(first.api_v3_key) == 32
    assert (folder / "wechatpay_platform" / f"{first.accounts.platform_serial}.pem").exists()


def test_a_folder_of_an_earlier_version_gets_its_certificate_and_keeps_the_rest(
    tmp_path: Path, keys_dir: Path
) -> None:
    # Five keys take long to make, and a copy of others is as good.
    folder = shutil.copytree(keys_dir, tmp_path / "keys")
    accounts = Keys(folder).accounts
    for path in folder.glob("wechatpay_certificate*"):
        path.unlink()
    again = Keys(folder)
    assert again.accounts == accounts
    assert again.platform_key(again.certificate.serial) == again.certificate.key
    assert Keys(folder).certificate.serial == again.certificate.serial


def test_only_serials_that_were_given_out_have_a_key(tmp_path: Path, keys_dir: Path) -> None:
    keys = Keys(shutil.copytree(keys_dir, tmp_path / "keys"))
    old = keys.accounts.platform_serial
    new = keys.rotate()
    assert keys.platform_key(old) is not None
    assert keys.platform_key(new) is keys.platform
    for never in ("", "PUB_KEY_ID_01" + "0" * 26, f"../wechatpay_platform_private/{new}"):
        assert keys.platform_key(never) is None


async def test_a_new_key_signs_at_once_and_the_old_one_stays_for_merchants(
    tmp_path: Path, keys_dir: Path, letterbox: Letterbox
) -> None:
    folder = shutil.copytree(keys_dir, tmp_path / "keys")
    app = create_app(folder, None)
    async with serving(app) as url, loopback_http(url) as provider:
        wechatpay = WechatPayMerchant(provider, folder, letterbox.wechatpay_url)
        old = (await wechatpay.create("rotate-1")).headers["wechatpay-serial"]
        new = (await provider.post("/keys/rotate")).json()["platform_serial"]
        await provider.post("/trades/rotate-1/pay")
        await until(lambda: len(letterbox.letters) == 1)
    letter = letterbox.letters[0]
    assert letter.headers["wechatpay-serial"] == new != old
    assert wechatpay.authentic(letter.headers, letter.body)
    assert {path.stem for path in (folder / "wechatpay_platform").iterdir()} == {old, new}
    assert json.loads((folder / "accounts.json").read_text())["platform_serial"] == new
