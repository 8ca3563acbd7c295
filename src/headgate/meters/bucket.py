"""The generic cell rate algorithm on a share of a limit. Pure.

The continuous-state leaky bucket of ITU-T Recommendation I.371 (2004), annex A.1.1, which is equivalent to
its virtual scheduling form (TAT) and, unlike that, keeps its meaning when the rate changes: a bucket that
drains at `limit / window` and holds `limit`, both times the process's share. A call conforms while its
cost still fits. In any time t no more than `limit * (1 + t / window)` conforms, over all processes together.

Shares move with how full they are: who takes one gets it as full as its giver left it, so that moving a
share never lets anything through that would not have been let through where it was.
Read next: `meters.rate`.
"""

import msgspec


class Bucket(msgspec.Struct):
    """A share of one limit, `level` units full. Fractions of units are meant: shares are."""

    limit: int
    window_s: float
    share: float
    level: float
    at_s: float

    @property
    def capacity(self) -> float:
        """How many units the share holds."""
        return self.limit * self.share

    @property
    def rate(self) -> float:
        """Units a second that drain from the share."""
        return self.limit * self.share / self.window_s

    def drain(self, now_s: float) -> None:
        """Let flow out what has flown out by now."""
        elapsed_s = now_s - self.at_s
        if elapsed_s <= 0.0:
            return
        level = self.level - elapsed_s * self.limit * self.share / self.window_s
        self.level = level if level > 0.0 else 0.0
        self.at_s = now_s

    def room(self, now_s: float) -> float:
        """Units that may come at once; below zero while in debt."""
        self.drain(now_s)
        return self.capacity - self.level

    def wait_s(self, units: float, now_s: float) -> float:
        """Seconds until so many units conform, 0 if they do now; more than fit in all count as all."""
        self.drain(now_s)
        capacity = self.limit * self.share
        lacking = min(units, max(capacity, 1.0)) - (capacity - self.level)
        # What is lost in rounding must not turn the last unit away.
        if lacking <= 1e-9 * self.limit:
            return 0.0
        return lacking / self.rate if self.rate > 0 else self.window_s

    def add(self, units: float) -> None:
        """Pour in what was admitted, or, when negative, what was admitted and not used."""
        self.level = max(0.0, self.level + units)

    def reset_s(self, now_s: float) -> float:
        """Seconds until the bucket is empty."""
        self.drain(now_s)
        rate = self.rate
        return self.level / rate if rate > 0 else self.window_s

    def fill(self, now_s: float) -> float:
        """How full it is, as a part of its capacity; above 1 in debt."""
        self.drain(now_s)
        return self.level / self.capacity if self.capacity > 0 else 0.0

    def shrink(self, share: float, now_s: float) -> None:
        """Give part of the share away, with its part of the level."""
        fill = self.fill(now_s)
        self.share = min(self.share, share)
        self.level = fill * self.capacity

    def grow(self, share: float, fill: float, now_s: float) -> None:
        """Take a greater share; what is added comes `fill` full."""
        self.drain(now_s)
        added = max(0.0, share - self.share)
        self.share += added
        self.level += added * self.limit * fill
