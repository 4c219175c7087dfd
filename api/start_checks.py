"""Settings with which the API had better not start: each would let a stranger be somebody."""

from api.auth import MIN_SECRET_BYTES
from infra.loopback import is_loopback_host, is_loopback_url
from infra.settings import Settings, UnusableSetting


def refuse_unsafe(settings: Settings) -> None:
    """Raises UnusableSetting, in one line that names the variable to change."""
    _refuse_weak_proof(settings)
    if settings.dev_login:
        _refuse_practice_in_public(settings)


def _refuse_weak_proof(settings: Settings) -> None:
    secret = settings.jwt_secret.get_secret_value()
    if not secret and not settings.jwks_url:
        raise UnusableSetting("set SECKILL_JWT_SECRET or SECKILL_JWKS_URL: tokens must be checked")
    if secret and len(secret.encode()) < MIN_SECRET_BYTES:
        raise UnusableSetting(
            f"SECKILL_JWT_SECRET has fewer than {MIN_SECRET_BYTES} bytes and can be guessed;"
            " `openssl rand -base64 48` makes one"
        )
    # Whoever serves a key set signs for more services than this one, with the same roles in it.
    if settings.jwks_url and not settings.jwt_audience:
        raise UnusableSetting(
            "SECKILL_JWKS_URL needs SECKILL_JWT_AUDIENCE, the audience of this service's tokens;"
            " * says that tokens for any service are good here"
        )


def _refuse_practice_in_public(settings: Settings) -> None:
    if not settings.jwt_secret.get_secret_value():
        raise UnusableSetting("SECKILL_DEV_LOGIN signs tokens and so needs SECKILL_JWT_SECRET")
    public = {
        "SECKILL_API_HOST": is_loopback_host(settings.api_host),
        "SECKILL_PUBLIC_URL": is_loopback_url(settings.public_url),
        "SECKILL_ALIPAY_GATEWAY_URL": _is_practice(settings.alipay.gateway_url),
        "SECKILL_WECHATPAY_GATEWAY_URL": _is_practice(settings.wechatpay.gateway_url),
    }
    named = [name for name, is_this_machine in public.items() if not is_this_machine]
    if named:
        raise UnusableSetting(
            "SECKILL_DEV_LOGIN lets anybody be anybody, and so is for this machine alone, but "
            f"{' and '.join(named)} {'is' if len(named) == 1 else 'are'} not of this machine"
        )


def _is_practice(gateway_url: str) -> bool:
    return not gateway_url or is_loopback_url(gateway_url)
