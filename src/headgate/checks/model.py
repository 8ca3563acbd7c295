"""What a check is, what came of its calls, and how they were marked. Pure.

Read next: `checks.definitions` (how a file says it), `checks.running`.
"""

from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

from headgate.checks.judging import Judge
from headgate.checks.pair_judging import PAIR_INSTRUCTIONS, PairJudge, instructions_of
from headgate.core.names import Name

REPEATS_MAX: Final = 100
CONCURRENCY_MAX: Final = 64
JUDGED_MAX: Final = 10
"""How often a judge may be asked of one answer."""
ASKED_MAX: Final = 50
"""How many questions to judges one mark may rest on: repeats, or claims."""
REASON_CHARACTERS_MAX: Final = 2000

Share = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Normalising = Literal["space", "case", "punctuation"]
About = Literal["such cases", "these cases"]
"""Whether a requirement is on all cases such as these, or on these alone."""
ByWhat = Literal["corrected", "as said"]
"""Whether a judge's scores count without its errors, or as the judge says."""


class Exact(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="exact"
):
    """The answer is the expected one (or one of them), once both are normalised.

    `space`: white space at the ends is left out, any other is one blank. `case`: capitals count as small.
    `punctuation`: left out. An expected value that is no text is compared as JSON.
    """

    name: Name
    normalise: tuple[Normalising, ...] = ("space",)


class Contains(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="contains"
):
    """The answer contains `text`, or by default what is expected; of several, any."""

    name: Name
    text: str | None = None
    normalise: tuple[Normalising, ...] = ("space", "case")


class Matches(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="regex"
):
    """A regular expression is found in the answer."""

    name: Name
    pattern: str


class ByCode(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="code"
):
    """A function of Python, `module:function`, called with case and answer, says yes, no or 0 to 1."""

    name: Name
    function: str


class BySchema(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="schema"
):
    """The answer is JSON that a schema allows."""

    name: Name
    schema: dict[str, Any]


class Semantic(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="semantic"
):
    """The embeddings of answer and expected text, by `model`, have a cosine of at least `threshold`."""

    name: Name
    model: str
    threshold: Annotated[float, msgspec.Meta(ge=-1, le=1)]


class ByJudge(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="judge"
):
    """A model marks the answer by a rubric; with `repeats` several times, and the mean is the score."""

    name: Name
    model: str
    rubric: str
    scale: tuple[int, int] = (0, 1)
    instructions: str | None = None
    parameters: dict[str, Any] = {}
    repeats: Annotated[int, msgspec.Meta(ge=1, le=JUDGED_MAX)] = 1

    @property
    def judge(self) -> Judge:
        """The judge."""
        given = {} if self.instructions is None else {"instructions": self.instructions}
        return Judge(
            model=self.model, rubric=self.rubric, scale=self.scale, parameters=self.parameters, **given
        )


class Grounded(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="grounded"
):
    """The share of the answer's claims that the case's context supports: by `model`, else by words alone."""

    name: Name
    model: str = ""


class Pairwise(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="pairwise"
):
    """A model says by a rubric which of two targets' answers to a case is better, asked in both orders.

    It counts where targets are compared, and marks no answer by itself.
    """

    name: Name
    model: str
    rubric: str
    instructions: str = ""
    parameters: dict[str, Any] = {}

    @property
    def judge(self) -> PairJudge:
        """The judge."""
        return PairJudge(
            model=self.model,
            rubric=self.rubric,
            instructions=instructions_of(self.instructions, PAIR_INSTRUCTIONS),
            parameters=self.parameters,
        )


Scorer: TypeAlias = Exact | Contains | Matches | ByCode | BySchema | Semantic | ByJudge | Grounded


class Required(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At least this share is right, at this error: the chance of saying so, or the contrary, wrongly.

    `scorer` says by which scorer; it may be left out where there is one. With `all_of`, right is a case whose
    answers would all be right were it asked as often (pass^k). `judged`, where the scorer is a judge: decided
    on its scores without its errors, or on what it says.
    """

    at_least: Share
    error: Share = 0.05
    scorer: str | None = None
    all_of: Annotated[int, msgspec.Meta(ge=1, le=REPEATS_MAX)] | None = None
    judged: ByWhat = "corrected"


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is checked: a model or alias, a managed prompt, or both, with parameters of OpenAI's chat route.

    `prompt` is a name, or `name@version` with a number or a label.
    """

    name: Name = "target"
    model: str = ""
    prompt: str | None = None
    system: str | None = None
    parameters: dict[str, Any] = {}


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A check, as `checks.definitions` reads it. `new_case_costs` is in answers, and beside its own.

    `scorers` mark single answers, `pairwise` compare those of two targets.
    """

    name: str
    dataset: str
    targets: tuple[Target, ...]
    scorers: tuple[Scorer, ...]
    pairwise: tuple[Pairwise, ...] = ()
    requirements: tuple[Required, ...] = ()
    about: About = "such cases"
    repeats: int = 1
    new_case_costs: float = 1.0
    concurrency: int = 4
    seed: int = 0
    budget_pico_usd: int | None = None
    timeout_s: float = 120.0

    def scorer_of(self, required: Required) -> str:
        """Return the name of the scorer that a requirement is about."""
        return required.scorer or self.scorers[0].name


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one call. `problem` says why it failed; it then counts as wrong.

    `cost_pico_usd` is None where no price is known. `message` is the whole message, with calls of tools.
    """

    text: str = ""
    message: dict[str, Any] = {}
    request_id: str = ""
    target: str = ""
    cost_pico_usd: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    duration_ms: float = 0.0
    problem: str = ""


class AskedOnce(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge said one of several times; None where it gave no mark."""

    score: float | None
    reason: str = ""
    request_id: str = ""
    digest: str = ""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A score in [0, 1]; None where there is none, and the reason. What the mark itself has cost.

    `digest` is that of all that a judge was asked; `asked` what it said of each claim, or each time where it
    was asked several times, of which the score is the mean.
    """

    score: float | None
    reason: str = ""
    cost_pico_usd: int | None = 0
    request_id: str = ""
    digest: str = ""
    asked: tuple[AskedOnce, ...] = ()

    @property
    def said(self) -> tuple[AskedOnce, ...]:
        """What a judge said, each time."""
        once = AskedOnce(score=self.score, reason=self.reason, request_id=self.request_id, digest=self.digest)
        return self.asked or (once,)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one case, once: the answer, and the mark of each scorer."""

    case: str
    repeat: int
    answer: Answer
    marks: dict[str, Mark]

    def score(self, scorer: str) -> float | None:
        """Return a score; a call that failed is wrong."""
        return 0.0 if self.answer.problem else self.marks[scorer].score
