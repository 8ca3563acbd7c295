"""Sampling settings, as far as a dialect and a target take them; what is not taken is told. Pure.

Read next: any dialect's `calls`.
"""

from collections.abc import Mapping
from typing import Final, cast

import msgspec

from headgate.core.chat import NO_SAMPLING, Sampling
from headgate.core.quirks import Quirks, SamplingName
from headgate.wire.dialects.changes import Changes

_SAYS_NOTHING: Final[dict[str, object]] = {
    "temperature": 1,
    "top_p": 1,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "logprobs": False,
    "top_logprobs": 0,
    "logit_bias": {},
    "choices": 1,
}
"""Values that mean what leaving the setting out means: dropping them changes no answer."""


def taken(
    sampling: Sampling,
    quirks: Quirks,
    names: frozenset[str],
    changes: Changes,
    where: Mapping[str, str],
) -> Sampling:
    """The settings that both the dialect (`names`, by the fields of `Sampling`) and the target take.

    `where` maps a setting to its path in the caller's body; one that is not in it stands under its own name.
    """
    kept: dict[str, object] = {}
    for name in sampling.__struct_fields__:
        value: object = getattr(sampling, name)
        if value is None or value == ():
            continue
        if _is_refused(name, quirks):
            _drop(name, value, "the model refuses it", changes, _at(name, where))
        elif name not in names:
            _drop(name, value, "the target's dialect has no such setting", changes, _at(name, where))
        else:
            kept[name] = value
    _within_range(kept, quirks, changes, where)
    if quirks.is_one_of_temperature_and_top_p and "temperature" in kept and "top_p" in kept:
        why = "the model takes it or temperature, not both"
        _drop("top_p", kept.pop("top_p"), why, changes, _at("top_p", where))
    if "top_logprobs" in kept and sampling.logprobs and "logprobs" not in kept:
        why = "the target gives no probabilities"
        _drop("top_logprobs", kept.pop("top_logprobs"), why, changes, _at("top_logprobs", where))
    return msgspec.structs.replace(NO_SAMPLING, **kept)


def _is_refused(name: str, quirks: Quirks) -> bool:
    also: SamplingName = "logprobs"
    asked = also if name == "top_logprobs" else cast("SamplingName", name)
    return asked in quirks.refused_sampling


def _within_range(
    kept: dict[str, object], quirks: Quirks, changes: Changes, where: Mapping[str, str]
) -> None:
    temperature, highest = kept.get("temperature"), quirks.temperature_max
    if isinstance(temperature, int | float) and highest is not None and temperature > highest:
        kept["temperature"] = highest
        changes.alter(_at("temperature", where), f"{temperature} is above {highest}, the highest taken")
    choices, most = kept.get("choices"), quirks.choices_max
    if isinstance(choices, int) and most is not None and choices > most:
        if most > 1:
            kept["choices"] = most
        else:
            del kept["choices"]
        changes.alter(_at("choices", where), f"{choices} answers are asked for, and the target gives {most}")


def _at(name: str, where: Mapping[str, str]) -> str:
    return where.get(name, name)


def _drop(name: str, value: object, why: str, changes: Changes, path: str) -> None:
    if name in _SAYS_NOTHING and value == _SAYS_NOTHING[name]:
        changes.note(path, why)
    else:
        changes.alter(path, why)
