"""Sampling settings: taken, or told."""

from hypothesis import given
from hypothesis import strategies as st

from headgate.core.chat import NO_SAMPLING, Sampling
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.sampling import taken

ALL = frozenset(NO_SAMPLING.__struct_fields__)
settings = st.builds(
    Sampling,
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1),
    top_k=st.none() | st.integers(1, 50),
    frequency_penalty=st.none() | st.floats(-2, 2),
    presence_penalty=st.none() | st.floats(-2, 2),
    seed=st.none() | st.integers(),
    stop=st.sampled_from([(), ("END",)]),
    choices=st.none() | st.integers(1, 4),
    logprobs=st.none() | st.booleans(),
    top_logprobs=st.none() | st.integers(0, 5),
    logit_bias=st.none() | st.just({"50256": -100}),
)
quirks = st.builds(
    Quirks,
    temperature_max=st.none() | st.just(1.0),
    refused_sampling=st.frozensets(st.sampled_from(["temperature", "top_p", "stop", "logprobs", "seed"])),
    is_one_of_temperature_and_top_p=st.booleans(),
    choices_max=st.none() | st.just(1),
)


def told(
    sampling: Sampling, target: Quirks = PLAIN, names: frozenset[str] = ALL
) -> tuple[Sampling, list[str]]:
    changes = Changes()
    found = taken(sampling, target, names, changes, {"stop": "stop_sequences"})
    return found, [f"{one.weight} {one.what}" for one in changes]


@given(settings, quirks, st.frozensets(st.sampled_from(sorted(ALL)), max_size=2).map(ALL.difference))
def test_what_is_taken_is_taken_by_both_and_the_rest_is_told(
    sampling: Sampling, target: Quirks, names: frozenset[str]
) -> None:
    found, said = told(sampling, target, names)
    for name in ALL:
        before, after = getattr(sampling, name), getattr(found, name)
        is_set = after is not None and after != ()
        assert not is_set or (name in names and name not in target.refused_sampling)
        if before != after:
            assert {"stop": "stop_sequences"}.get(name, name) in [line.split()[1] for line in said]
    assert taken(found, target, names, again := Changes(), {}) == found
    assert len(again) == 0


def test_all_settings_that_are_taken_stay_as_they_are() -> None:
    sampling = Sampling(
        temperature=1, top_p=0.5, seed=7, stop=("END",), choices=2, logprobs=True, top_logprobs=2
    )
    assert told(sampling) == (sampling, [])


def test_trap_40_a_temperature_above_the_highest_is_clamped_and_told() -> None:
    assert told(Sampling(temperature=1.7), Quirks(temperature_max=1.0)) == (
        Sampling(temperature=1.0),
        ["meaning temperature"],
    )
    assert told(Sampling(temperature=1.0), Quirks(temperature_max=1.0))[1] == []


def test_trap_40_temperature_and_top_p_together_are_one_where_the_model_takes_one() -> None:
    target = Quirks(is_one_of_temperature_and_top_p=True)
    assert told(Sampling(temperature=0.2, top_p=0.9), target) == (
        Sampling(temperature=0.2),
        ["meaning top_p"],
    )
    assert told(Sampling(top_p=0.9), target) == (Sampling(top_p=0.9), [])
    assert told(Sampling(temperature=0.2, top_p=1), target)[1] == ["note top_p"]


def test_trap_40_a_setting_that_the_model_refuses_is_left_out_and_told() -> None:
    target = Quirks(refused_sampling=frozenset({"stop", "temperature"}))
    assert told(Sampling(temperature=0.2, stop=("END",)), target) == (
        NO_SAMPLING,
        ["meaning temperature", "meaning stop_sequences"],
    )
    assert told(Sampling(temperature=1), target) == (NO_SAMPLING, ["note temperature"])


def test_trap_43_more_answers_than_the_target_gives() -> None:
    no_choices = ALL - {"choices"}
    assert told(Sampling(choices=3), PLAIN, no_choices) == (NO_SAMPLING, ["meaning choices"])
    assert told(Sampling(choices=1), PLAIN, no_choices) == (NO_SAMPLING, ["note choices"])
    assert told(Sampling(choices=3), Quirks(choices_max=1)) == (NO_SAMPLING, ["meaning choices"])
    assert told(Sampling(choices=9), Quirks(choices_max=8)) == (Sampling(choices=8), ["meaning choices"])


def test_trap_43_seed_logprobs_and_bias_change_the_meaning_unless_they_say_nothing() -> None:
    none: frozenset[str] = frozenset()
    said = told(Sampling(seed=7, logprobs=True, top_logprobs=2, logit_bias={"1": 5}), PLAIN, none)[1]
    assert said == ["meaning seed", "meaning logprobs", "meaning top_logprobs", "meaning logit_bias"]
    empty = Sampling(logprobs=False, top_logprobs=0, logit_bias={}, frequency_penalty=0, presence_penalty=0.0)
    assert all(line.startswith("note") for line in told(empty, PLAIN, none)[1])
    refused = Quirks(refused_sampling=frozenset({"logprobs"}))
    assert told(Sampling(logprobs=True, top_logprobs=2), refused)[0] == NO_SAMPLING
    without = told(Sampling(logprobs=True, top_logprobs=2), PLAIN, ALL - {"logprobs"})
    assert without == (NO_SAMPLING, ["meaning logprobs", "meaning top_logprobs"])
