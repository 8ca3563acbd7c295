"""Ten sums that say of an arm's units all that its mean, its ratio and their errors need. Pure.

A database makes them of a million units in one scan, `moments_of` of values. Read next:
`statistics.contrasts`, what is worked out from them.
"""

from collections.abc import Iterable
from typing import Final

import msgspec
import numpy as np

from headgate.statistics.model import Sample

LARGEST: Final = 1e90
"""No value measured is as large; the cube of one that is would not be a number any more."""


class Moments(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over the units of an arm: of their values y, and of a second value x of each.

    Means are plain; `yy`, `xy` and `xx` are sums of products around the means; the cubic ones are means of
    plain products, good enough to tell how skewed values are.
    """

    n: int
    y: float
    x: float
    yy: float
    xy: float
    xx: float
    yyy: float
    yyx: float
    yxx: float
    xxx: float
    z: float = 0.0
    """Of a third value, what units did before: its mean, and sums of products as above."""
    zz: float = 0.0
    yz: float = 0.0
    xz: float = 0.0
    zzz: float = 0.0

    def with_zeros(self, count: int) -> "Moments":
        """Return the same with so many more units whose both values are 0."""
        if count <= 0:
            return self
        return self.joined(msgspec.structs.replace(NOTHING, n=count))

    def joined(self, other: "Moments") -> "Moments":
        """Return the sums over the units of both.

        Source: Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample
        variances", 1979.
        """
        if not self.n or not other.n:
            return self if self.n else other
        n = self.n + other.n
        part, rest, cross = self.n / n, other.n / n, self.n * other.n / n
        y, x, z = other.y - self.y, other.x - self.x, other.z - self.z
        return Moments(
            n=n,
            y=self.y * part + other.y * rest,
            x=self.x * part + other.x * rest,
            yy=self.yy + other.yy + cross * y * y,
            xy=self.xy + other.xy + cross * x * y,
            xx=self.xx + other.xx + cross * x * x,
            yyy=self.yyy * part + other.yyy * rest,
            yyx=self.yyx * part + other.yyx * rest,
            yxx=self.yxx * part + other.yxx * rest,
            xxx=self.xxx * part + other.xxx * rest,
            z=self.z * part + other.z * rest,
            zz=self.zz + other.zz + cross * z * z,
            yz=self.yz + other.yz + cross * y * z,
            xz=self.xz + other.xz + cross * x * z,
            zzz=self.zzz * part + other.zzz * rest,
        )

    def with_z(self, z: float) -> "Moments":
        """Return the same where the third value of every unit is this."""
        return msgspec.structs.replace(self, z=z, zz=0.0, yz=0.0, xz=0.0, zzz=z**3)

    def with_x(self, x: float) -> "Moments":
        """Return the same where the second value of every unit is this."""
        square = self.yy / self.n + self.y * self.y if self.n else 0.0
        return msgspec.structs.replace(
            self, x=x, xy=0.0, xx=0.0, yyx=square * x, yxx=self.y * x * x, xxx=x**3
        )

    def mixed(self, of_y: float, of_x: float) -> "Moments":
        """Return the sums of one value a unit: `of_y * y + of_x * x`."""
        a, b = of_y, of_x
        return msgspec.structs.replace(
            NOTHING,
            n=self.n,
            y=a * self.y + b * self.x,
            yy=max(0.0, a * a * self.yy + 2 * a * b * self.xy + b * b * self.xx),
            yyy=a**3 * self.yyy + 3 * a * a * b * self.yyx + 3 * a * b * b * self.yxx + b**3 * self.xxx,
        )

    def combined(self, of_y: float, of_x: float) -> tuple[float, float]:
        """Return the variance and the third central moment of `of_y * y + of_x * x`."""
        n, y, x = self.n, self.y, self.x
        square, both, other = self.yy / n + y * y, self.xy / n + x * y, self.xx / n + x * x
        yyy = self.yyy - 3 * y * square + 2 * y**3
        yyx = self.yyx - 2 * y * both - x * square + 2 * y * y * x
        yxx = self.yxx - 2 * x * both - y * other + 2 * x * x * y
        xxx = self.xxx - 3 * x * other + 2 * x**3
        variance = (of_y**2 * self.yy + 2 * of_y * of_x * self.xy + of_x**2 * self.xx) / (n - 1)
        third = of_y**3 * yyy + 3 * of_y**2 * of_x * yyx + 3 * of_y * of_x**2 * yxx + of_x**3 * xxx
        return max(0.0, variance), third


NOTHING: Final = Moments(n=0, y=0, x=0, yy=0, xy=0, xx=0, yyy=0, yyx=0, yxx=0, xxx=0)


def pooled(parts: Iterable[Moments]) -> Moments:
    """Return the sums over the units of all parts; nothing of none."""
    whole = NOTHING
    for part in parts:
        whole = whole.joined(part)
    return whole


def moments_of(y: Sample, x: Sample | None = None) -> Moments:
    """Return the sums over values, one or two of each unit."""
    other = np.zeros_like(y) if x is None else x
    if not len(y):
        return NOTHING
    from_y, from_x = y - y.mean(), other - other.mean()
    return Moments(
        n=len(y),
        y=float(y.mean()),
        x=float(other.mean()),
        yy=float(from_y @ from_y),
        xy=float(from_y @ from_x),
        xx=float(from_x @ from_x),
        yyy=float((y**3).mean()),
        yyx=float((y * y * other).mean()),
        yxx=float((y * other * other).mean()),
        xxx=float((other**3).mean()),
    )
