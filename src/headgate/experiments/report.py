"""What a report of an experiment says, as the API shows it and a decision seals it. Pure.

Read next: `experiments.analysis` (how it is worked out), `experiments.sentence`.
"""

from typing import Final, Literal

import msgspec

from headgate.experiments.model import Better, FeedbackKind, Measure, Role, UnitKind

Running = Literal["running", "stopped", "replaced", "removed"]
"""Replaced: another version of the name is in the file; removed: none is."""

Finding = Literal["better", "worse", "same", "holds", "broken", "open", "none"]
"""What is known of a metric in an arm.

Of decisions and exploratory metrics, whether it is better or worse than the baseline, or the same but for
less than what matters; of guardrails, whether what may be lost is known not to be (holds), or to be (broken).
Open: not known yet. None: there is no number, and `note` says why.
"""

PERCENT: Final = "%"


class ArmReport(msgspec.Struct, frozen=True, kw_only=True):
    """An arm: how many units were exposed, and how many of them have been watched for their window."""

    name: str
    share: float
    targets: tuple[str, ...]
    units: int
    complete: int
    calls: int
    crossed: int
    """Calls of its units that were served by another arm."""
    serves: tuple[str, ...] = ()
    """What it changes of calls beside their targets, in words."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """An arm against the baseline by one metric. Numbers are in its `scale`; null where there is none.

    `difference` is the arm less the baseline; `low` and `high` hold however often one looks. `p` is adjusted
    for all that decides together (or explores): where it is at most the error, 0 is left out (or the end),
    and else it lies inside.
    """

    arm: str
    finding: Finding
    units: int
    mean: float | None = None
    baseline: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    more_days: float | None = None
    """How many days more it takes at this traffic; null where that is not known."""
    note: str = ""


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """Values of a metric's feedback since the experiment began, the last some thousands: what they belong to.

    `joined` are of a unit's window, of one that is not over yet, too. Of the others `late` came after it,
    `early` are of before the unit's first call, `unknown` name nobody who is in the experiment, and `shared`
    are of a trace or session that several units have a part in.
    """

    values: int
    is_all: bool
    """Whether these are all that came."""
    joined: int = 0
    late: int = 0
    early: int = 0
    unknown: int = 0
    shared: int = 0


class MetricReport(msgspec.Struct, frozen=True, kw_only=True):
    """One metric in all arms. `answered` is each arm's share of complete units that answered."""

    name: str
    measure: Measure | Literal["agreement", "score"]
    """Agreement: the share of calls that two arms answer alike, against all of them. Score: of answers that a
    scorer of a rollout marks as wrong."""
    role: Role
    kind: FeedbackKind
    better: Better
    scale: str
    """What its numbers are: points (hundredths), USD, ms, or empty for the feedback's own."""
    comparisons: list[Comparison]
    answered: dict[str, float]
    adjusted: bool = False
    """Whether differences were adjusted by what units said, or their calls came to, before."""
    notes: list[str] = []
    per: str = ""
    """The feedback that a cost is divided by."""
    is_relative: bool = False
    """Whether differences and their intervals are parts of the baseline, in percent."""
    complete: dict[str, int] = {}
    """How many units of each arm are complete for this metric; empty in records from before it was said."""
    arrives_days: float = 0.0
    """How much longer than the window it waits for a unit, since its feedback comes late."""
    received: Received | None = None
    """What came of its feedback; null where none did, and of what is no feedback."""

    @property
    def differs_in(self) -> str:
        """What differences are in."""
        return PERCENT if self.is_relative else self.scale


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """When a name came to stand for something else; empty for nothing."""

    at: str
    before: str
    after: str


class Meant(msgspec.Struct, frozen=True, kw_only=True):
    """What a name in arms stands for in a project: a label of a prompt, or an environment."""

    what: str
    project: str
    arms: list[str]
    stands_for: str
    """The version or release, now; empty where there is none."""
    moves: list[Moved]
    """Since the experiment began, the first one first: units of before and after count together."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of an experiment, and in one sentence."""

    name: str
    version: str
    alias: str
    unit: UnitKind
    state: Running
    started_at: str
    first_exposure_at: str | None
    window_days: float
    error: float
    arms: list[ArmReport]
    strays: int
    """Calls that were in no arm, since their unit was not known."""
    ratio_evidence: float | None
    """How much speaks for a mismatch of the arms' shares, as an e-value; from 1000 on it is one."""
    is_sound: bool
    """False where the arms can't be compared: every finding is withheld."""
    ratio_p: float | None = None
    """Once stopped, the p-value of the shares' test for one look; null before, and where it can't be."""
    metrics: list[MetricReport]
    notes: list[str]
    sentence: str
    decided: bool = False
    arrives_days: float = 0.0
    """The longest that a metric waits for a unit beyond the window, since its feedback comes late."""
    shares: list[dict[str, float]] = []
    """Of an adaptive experiment: each epoch's shares, as parts of 1."""
    shares_at: list[str] = []
    """When each of them began to hold."""
    parts: int = 1
    """Into how many parts its units are divided, of which each epoch opens one; 1 where none comes back."""
    meant: list[Meant] = []
    """What names in arms stand for, and how that changed while it ran."""
