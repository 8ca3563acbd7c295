"""Who is in which arm: sticky, in the declared shares, independent of others, not to be guessed."""

import math
import secrets
from itertools import pairwise

from headgate.core.entries import Exposure
from headgate.experiments.assignment import Assigner
from headgate.experiments.model import Adaptive, Arm, Experiment, Metric, Shares

SECRET = bytes(range(32))
UNITS = 20_000


def experiment(name: str = "tiny", *shares: float, **changes: object) -> Experiment:
    arms = tuple([Arm(name=f"arm{place}", share=share) for place, share in enumerate(shares or (1.0, 1.0))])
    plain: dict[str, object] = {
        "name": name,
        "alias": "assistant",
        "arms": arms,
        "metrics": (Metric(name="solved"),),
        "version": "v" * 16,
    }
    return Experiment(**{**plain, **changes})  # type: ignore[arg-type]


def arms_of(assigner: Assigner, units: int = UNITS, project: str = "default") -> list[str]:
    found = [assigner.assign(project, f"user-{number}") for number in range(units)]
    return ["" if each is None else each.arm for each in found]


def is_near(count: int, share: float, units: int) -> bool:
    """Within five standard deviations: the assignment is fixed by the secret, so this does not flicker."""
    return abs(count - share * units) < 5 * math.sqrt(units * share * (1 - share))


def test_a_unit_stays_in_its_arm_whatever_process_asks() -> None:
    one, other = Assigner(experiment(), SECRET), Assigner(experiment(), SECRET)
    assert arms_of(one, 500) == arms_of(other, 500) == arms_of(one, 500)
    found = one.assign("default", "ann")
    assert found == Exposure("tiny", "v" * 16, found.arm if found else "", "ann", "user")


def test_arms_come_in_their_shares() -> None:
    found = arms_of(Assigner(experiment("tiny", 1, 2, 7), SECRET))
    for arm, share in (("arm0", 0.1), ("arm1", 0.2), ("arm2", 0.7)):
        assert is_near(found.count(arm), share, UNITS)


def test_arms_come_in_the_shares_of_an_epoch_which_the_exposure_names() -> None:
    shares = Shares(version="v" * 16, epoch=4, shares={"arm0": 0.15, "arm1": 0.85})
    assigner = Assigner(experiment(unit="call"), SECRET, shares)
    assert is_near(arms_of(assigner).count("arm1"), 0.85, UNITS)
    found = assigner.assign("default", "call-1")
    assert found is not None
    assert found.epoch == 4


def test_units_that_come_back_keep_the_arm_that_their_part_opened_with() -> None:
    of = experiment(adaptive=Adaptive(parts=4))
    early, late = {"arm0": 0.2, "arm1": 0.8}, {"arm0": 0.9, "arm1": 0.1}
    first = Assigner(of, SECRET)
    second = Assigner(
        of, SECRET, Shares(version="v" * 16, epoch=1, shares=early, before=({"arm0": 1, "arm1": 1},))
    )
    third = Assigner(
        of, SECRET, Shares(version="v" * 16, epoch=2, shares=late, before=({"arm0": 1, "arm1": 1}, early))
    )
    names = [f"user-{number}" for number in range(UNITS)]
    seen = [
        {name: found for name in names if (found := one.assign("default", name))}
        for one in (first, second, third)
    ]
    for place, found in enumerate(seen):
        assert is_near(len(found), (place + 1) / 4, UNITS), "each epoch opens a part"
        assert {each.epoch for each in found.values()} == set(range(place + 1))
    for before, after in pairwise(seen):
        assert before.items() <= after.items(), "nobody changes the arm, or the epoch"
    for epoch, share in enumerate((0.5, 0.8, 0.1)):
        part = [each.arm for each in seen[2].values() if each.epoch == epoch]
        assert is_near(part.count("arm1"), share, len(part))


def test_another_name_salt_or_project_shuffles_anew() -> None:
    own = arms_of(Assigner(experiment(), SECRET))
    for others in (
        arms_of(Assigner(experiment("other"), SECRET)),
        arms_of(Assigner(experiment(salt="again"), SECRET)),
        arms_of(Assigner(experiment(), SECRET), project="shop"),
        arms_of(Assigner(experiment(), secrets.token_bytes(32))),
    ):
        same = sum(one == other for one, other in zip(own, others, strict=True))
        assert is_near(same, 0.5, UNITS)


def test_experiments_of_a_layer_exclude_each_other_and_cover_their_part() -> None:
    first = Assigner(experiment("one", layer="models", traffic=(0.0, 0.3)), SECRET)
    second = Assigner(experiment("two", layer="models", traffic=(0.3, 1.0)), SECRET)
    one, two = arms_of(first), arms_of(second)
    assert all(bool(a) != bool(b) for a, b in zip(one, two, strict=True))
    assert is_near(sum(map(bool, one)), 0.3, UNITS)
    # The place in the layer says nothing of the arm.
    assert is_near(one.count("arm0"), 0.15, UNITS)


def test_a_unit_that_is_not_known_is_in_no_arm() -> None:
    assert Assigner(experiment(), SECRET).assign("default", "") == Exposure("tiny", "v" * 16, "", "", "user")


def test_names_that_no_text_can_hold_are_assigned_too() -> None:
    assigner = Assigner(experiment(), SECRET)
    for unit in ("\ud800", "\0", "x" * 100_000, "ann\0default"):
        found = assigner.assign("default", unit)
        assert found is not None
        assert found.arm
        assert len(found.unit) <= 200


def test_whoever_knows_the_file_but_not_the_secret_guesses_no_better_than_chance() -> None:
    """An attack: compute one's arm from all that is public, under keys that one might try."""
    truth = arms_of(Assigner(experiment(), secrets.token_bytes(32)), 4000)
    for guess in (b"", b"tiny", b"assistant", b"0" * 32, bytes(32)):
        guessed = arms_of(Assigner(experiment(), guess), 4000)
        assert is_near(sum(a == b for a, b in zip(truth, guessed, strict=True)), 0.5, 4000)
