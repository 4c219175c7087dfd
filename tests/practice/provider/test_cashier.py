"""The buyer's page."""

from urllib.parse import parse_qsl, urlsplit

import httpx

from tests.support.merchant import AlipayMerchant, WechatPayMerchant


async def test_a_page_the_buyer_opens_shows_what_is_paid_and_escapes_it(
    alipay: AlipayMerchant,
) -> None:
    page = await alipay.open_page("PAGE-1")
    assert page.status_code == 200
    assert "¥</i>88.00" in page.text
    assert "闪购台灯 &lt;b&gt;lamp&lt;/b&gt;" in page.text
    assert "<button>" in page.text


async def test_the_pay_button_leads_back_to_the_shop_with_signed_parameters(
    alipay: AlipayMerchant, provider: httpx.AsyncClient
) -> None:
    page = await alipay.open_page("PAGE-3")
    action = page.text.split('action="')[1].split('"')[0]
    answer = await provider.post(action)
    back = urlsplit(answer.headers["location"])
    said = dict(parse_qsl(back.query))
    assert answer.status_code == 303
    assert f"{back.scheme}://{back.netloc}{back.path}" == "http://shop.example/back"
    assert (said["out_trade_no"], said["total_amount"]) == ("PAGE-3", "88.00")
    assert alipay.authentic(said)
    assert "支付成功" in (await provider.get(action.removesuffix("/pay"))).text


async def test_a_code_leads_to_the_cashier_and_an_unpaid_order_has_no_number(
    wechatpay: WechatPayMerchant, provider: httpx.AsyncClient
) -> None:
    created = await wechatpay.create("native-1")
    page = await provider.get(created.json()["code_url"])
    order = (await wechatpay.query("native-1")).json()
    assert "<svg" in page.text
    assert "¥</i>88.00" in page.text
    assert order["trade_state"] == "NOTPAY"
    assert order["amount"]["total"] == 8800
    assert "transaction_id" not in order


async def test_a_code_of_no_trade_is_not_found(provider: httpx.AsyncClient) -> None:
    shown = await provider.get("/cashier/nothing")
    pressed = await provider.post("/cashier/nothing/pay")
    assert (shown.status_code, pressed.status_code) == (404, 404)


async def test_a_closed_trade_has_no_button_and_pressing_it_leads_back_to_the_page(
    provider: httpx.AsyncClient, wechatpay: WechatPayMerchant
) -> None:
    page = (await wechatpay.create("shut-1")).json()["code_url"]
    await wechatpay.close("shut-1")
    shown = await provider.get(page)
    pressed = await provider.post(f"{page}/pay")
    assert "<button>" not in shown.text
    assert pressed.status_code == 303
    assert page.endswith(pressed.headers["location"])
