"""Money is an integer of minor units (fen); yuan exist only on a provider's wire."""

from decimal import Decimal, InvalidOperation

MINOR_PER_MAJOR = 100
# Alipay's 100,000,000.00 yuan. Above it nothing can be written on a provider's wire, and a trade
# that was made all the same could never be read back.
MAX_PAYMENT = 100_000_000_00


def to_yuan(minor: int) -> str:
    """8800 -> "88.00"; for providers that speak in decimal yuan."""
    sign, value = ("-", -minor) if minor < 0 else ("", minor)
    return f"{sign}{value // MINOR_PER_MAJOR}.{value % MINOR_PER_MAJOR:02d}"


def from_yuan(text: str) -> int:
    """ "88.00" -> 8800. Raises ValueError for anything that is not a whole number of fen."""
    try:
        # Never through float: 1.15 times a hundred is 114.99999999999999 there.
        minor = Decimal(text) * MINOR_PER_MAJOR
    except InvalidOperation as error:
        raise ValueError(f"not an amount: {text!r}") from error
    # Decimal reads "NaN" and "Infinity" too, and a provider's word is only text.
    if not minor.is_finite() or minor != minor.to_integral_value():
        raise ValueError(f"not a whole number of fen: {text!r}")
    return int(minor)
