"""Money as an integer count of 10^-12 USD, never a float.

Read next: `catalog.prices`, which compiles price tables to these integers.
"""

from decimal import ROUND_CEILING, Context, Decimal, Inexact, InvalidOperation

PICO_PER_USD = 10**12

LARGEST_USD = Decimal(10) ** 9

_EXACT = Context(prec=100, traps=[Inexact, InvalidOperation])
"""Where a product that would be rounded, or vanish, is an error."""


def parse_usd(text: str) -> int:
    """Read an amount such as `500 USD`, `0.20` or `1 USD` as pico-USD.

    Raises ValueError when the text is no finite, non-negative decimal number of at most 12 places and
    below 10^9 USD.
    """
    number = text.strip().removesuffix("USD").strip()
    try:
        amount = Decimal(number)
    except InvalidOperation:
        raise ValueError(f"{text!r} is no amount; write a decimal number such as '500 USD'") from None
    if not amount.is_finite() or amount < 0 or amount >= LARGEST_USD:
        raise ValueError(f"{text!r} is out of range; an amount lies between 0 and 10^9 USD")
    try:
        return int(_EXACT.to_integral_exact(_EXACT.multiply(amount, Decimal(PICO_PER_USD))))
    except Inexact:
        raise ValueError(f"{text!r} has more than 12 decimal places") from None


def format_usd(pico_usd: int) -> str:
    """Write pico-USD as a decimal string without exponent or trailing zeros, such as `0.00125`."""
    sign = "-" if pico_usd < 0 else ""
    whole, rest = divmod(abs(pico_usd), PICO_PER_USD)
    fraction = f"{rest:012d}".rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def pico_per_unit(usd_per_million: Decimal) -> int:
    """Compile a price in USD per million units to pico-USD a unit, rounded up to the next integer."""
    return int((usd_per_million * (PICO_PER_USD // 10**6)).to_integral_value(rounding=ROUND_CEILING))
