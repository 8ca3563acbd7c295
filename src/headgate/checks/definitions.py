"""Reads `checks.toml`: `[[checks]]` tables, each refused with what is wrong and what to write.

Read next: `checks.model`, docs/guides/checking.md.
"""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, cast

import msgspec

from headgate.checks.model import (
    CONCURRENCY_MAX,
    REPEATS_MAX,
    About,
    Check,
    Pairwise,
    Required,
    Scorer,
    Target,
)
from headgate.core.faults import InvalidRequest, Misconfigured
from headgate.core.money import parse_usd
from headgate.core.names import Name

FILE_BYTES_MAX: Final = 1024 * 1024
CHECKS_MAX: Final = 200
NAME_CHARACTERS_MAX: Final = 100
KINDS: Final = ("exact", "contains", "regex", "code", "schema", "semantic", "judge", "pairwise", "grounded")

_OF_TARGET: Final = ("model", "prompt", "system", "parameters")


class Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A check as it is written. A single target may stand in the check itself, without `targets`."""

    name: Name
    dataset: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    scorers: Annotated[list[Scorer | Pairwise], msgspec.Meta(min_length=1, max_length=20)]
    requirements: Annotated[list[Required], msgspec.Meta(max_length=50)] = []
    model: str | None = None
    prompt: str | None = None
    system: str | None = None
    parameters: dict[str, Any] | None = None
    targets: Annotated[list[Target], msgspec.Meta(max_length=50)] = []
    models: Annotated[list[str], msgspec.Meta(max_length=20)] = []
    prompts: Annotated[list[str], msgspec.Meta(max_length=20)] = []
    """Instead of targets: each prompt on each model; `models` alone, or `prompts` alone, will do."""
    about: About = "such cases"
    repeats: Annotated[int, msgspec.Meta(ge=1, le=REPEATS_MAX)] = 1
    new_case_costs: Annotated[float, msgspec.Meta(ge=0, le=1e6)] = 1.0
    """What it costs to make one more case, in answers."""
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=CONCURRENCY_MAX)] = 4
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    budget: str | None = None
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 120.0


def read_checks(file: Path) -> tuple[Check, ...]:
    """Read the checks of a file. Raises Misconfigured that names the check and what is wrong with it."""
    try:
        content = file.read_bytes()
        if len(content) > FILE_BYTES_MAX:
            raise Misconfigured(f"{file} has {len(content)} bytes; at most {FILE_BYTES_MAX} are read")
        raw = tomllib.loads(content.decode("utf-8-sig"))
    except OSError as error:
        raise Misconfigured(
            f"{file} can't be read: {error.strerror}; write checks into it, or name another file"
        ) from None
    except (ValueError, RecursionError) as error:
        raise Misconfigured(f"this is no valid TOML: {error}", where=str(file)) from None
    return checks_of(raw, str(file))


def checks_of(raw: dict[str, Any], where: str) -> tuple[Check, ...]:
    """Return the checks of a document. Raises Misconfigured that names the check."""
    listed = raw.get("checks")
    if set(raw) - {"checks"} or not isinstance(listed, list) or not listed:
        other = sorted(set(raw) - {"checks"})
        found = f"has {other[0]!r}, which is unknown" if other else "holds no check"
        raise Misconfigured(f"{found}; write [[checks]] with name, dataset, model and scorers", where=where)
    tables = cast("list[Any]", listed)
    if len(tables) > CHECKS_MAX:
        raise Misconfigured(f"there are {len(tables)} checks; at most {CHECKS_MAX} are read", where=where)
    checks: dict[str, Check] = {}
    for number, table in enumerate(tables, 1):
        check = _check(table, f"{where}: check {_named(table, number)}")
        if check.name in checks:
            raise Misconfigured(f"two checks are called {check.name!r}; give each its own name", where=where)
        checks[check.name] = check
    return tuple(checks.values())


def _named(table: Any, number: int) -> str:
    name = cast("dict[str, Any]", table).get("name") if isinstance(table, dict) else None
    return repr(name) if isinstance(name, str) else f"number {number}"


def _check(table: Any, where: str) -> Check:
    try:
        written = msgspec.convert(table, Written)
        for scorer in written.scorers:
            if scorer.__struct_config__.tag == "judge":
                _ = scorer.judge  # type: ignore[union-attr]
    except msgspec.ValidationError as error:
        raise Misconfigured(_reason(str(error)), where=where) from None
    except InvalidRequest as error:
        raise Misconfigured(error.message, where=where) from None
    return Check(
        name=written.name,
        dataset=written.dataset,
        targets=_targets(written, where),
        scorers=tuple([each for each in written.scorers if not isinstance(each, Pairwise)]),
        pairwise=tuple([each for each in written.scorers if isinstance(each, Pairwise)]),
        requirements=_requirements(written, where),
        about=written.about,
        repeats=written.repeats,
        new_case_costs=written.new_case_costs,
        concurrency=written.concurrency,
        seed=written.seed,
        budget_pico_usd=_budget(written.budget, where),
        timeout_s=written.timeout_s,
    )


def _reason(text: str) -> str:
    if "Invalid value" in text and text.endswith(".kind`"):
        return f"{text}; a scorer's kind is one of {', '.join(KINDS)}"
    return text


def _targets(written: Written, where: str) -> tuple[Target, ...]:
    own = {name: getattr(written, name) for name in _OF_TARGET if getattr(written, name) is not None}
    if written.targets and own:
        raise Misconfigured(
            f"{next(iter(own))} stands in the check and in targets; write it into each target", where=where
        )
    several = [name for name in ("models", "prompts") if getattr(written, name)]
    if several and written.targets:
        raise Misconfigured(f"{several[0]} stands beside targets; write one or the other", where=where)
    for name, single in (("models", "model"), ("prompts", "prompt")):
        if name in several and single in own:
            raise Misconfigured(f"{name} stands beside {single}; write one or the other", where=where)
    targets = _product(written, own) if several else tuple(written.targets) or (Target(**own),)
    names = [target.name for target in targets]
    if len(set(names)) < len(names):
        raise Misconfigured("two targets have one name; give each its own", where=where)
    for target in targets:
        if not target.model and target.prompt is None:
            raise Misconfigured("a target has neither model nor prompt; name what is checked", where=where)
    return targets


def _product(written: Written, own: dict[str, Any]) -> tuple[Target, ...]:
    """Return each prompt on each model, named after both."""
    targets: list[Target] = []
    for prompt in written.prompts or [None]:
        for model in written.models or [None]:
            told: dict[str, str] = {
                name: each for name, each in (("prompt", prompt), ("model", model)) if each is not None
            }
            fields: dict[str, Any] = {**own, **told, "name": target_name(".".join(told.values()))}
            targets.append(Target(**fields))
    return tuple(targets)


def target_name(text: str) -> str:
    """Return a target's name after its model or prompt, such as `shop-small` after `shop/small`."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).lstrip("._-")[:NAME_CHARACTERS_MAX]


def _requirements(written: Written, where: str) -> tuple[Required, ...]:
    names = [scorer.name for scorer in written.scorers]
    if len(set(names)) < len(names):
        raise Misconfigured("two scorers have one name; give each its own", where=where)
    pairwise = [scorer.name for scorer in written.scorers if isinstance(scorer, Pairwise)]
    for required in written.requirements:
        about = required.scorer or (names[0] if len(names) == 1 else "")
        if about in pairwise:
            raise Misconfigured(
                f"a requirement is on {about}, which compares two targets and marks no single answer; "
                "leave it out, and compare with --compare ONE OTHER",
                where=where,
            )
        if required.scorer is None and len(names) > 1:
            raise Misconfigured(
                f"a requirement does not say by which scorer; write scorer = one of {', '.join(names)}",
                where=where,
            )
        if required.scorer is not None and required.scorer not in names:
            raise Misconfigured(
                f"a requirement's scorer is {required.scorer!r}; there is {', '.join(names)}", where=where
            )
        scorer = written.scorers[names.index(required.scorer or names[0])]
        if required.judged == "as said" and scorer.__struct_config__.tag != "judge":
            raise Misconfigured(
                f'judged = "as said" is for judges, and {scorer.name} is none; leave it out', where=where
            )
        if required.all_of is not None and required.all_of > written.repeats:
            raise Misconfigured(
                f"all_of is {required.all_of}, but a case is asked {written.repeats} times; "
                f"write repeats = {required.all_of} or more",
                where=where,
            )
    return tuple(written.requirements)


def _budget(text: str | None, where: str) -> int | None:
    if text is None:
        return None
    try:
        return parse_usd(text)
    except ValueError as error:
        raise Misconfigured(f"budget: {error}", where=where) from None
