"""The first steps of a call, each small enough to read at once: from the client's bytes to ordered targets.

Each takes the call as far as it is known and returns what it adds, or raises a Fault that says why not.
"""

import asyncio
import hashlib
import re
from binascii import unhexlify
from collections.abc import Sequence
from typing import Final

from headgate.access.caller import may_use_model, with_session
from headgate.access.credentials import present
from headgate.access.model import Key
from headgate.access.roles import may
from headgate.catalog.model import Target
from headgate.catalog.prices import cost
from headgate.config.snapshot import Alias
from headgate.core.faults import ClientClosed, Limited, NotAllowed, Unavailable
from headgate.core.ports import Exchange
from headgate.gateway.call import Call
from headgate.gateway.pairing import Pair
from headgate.gateway.plane import DataPlane
from headgate.gateway.routing import backoff_s, order, typical_usage
from headgate.gateway.spool import read_upload
from headgate.gateway.standing import Said, Standing, check_model, identify
from headgate.gateway.trials import Trials
from headgate.meters.model import RateLimit, Subject
from headgate.policy.residency import admit as admit_targets
from headgate.policy.residency import residency_denied
from headgate.wire.model import CallFacts, Route
from headgate.wire.modelslist import ListedModel, model_body, models_body
from headgate.wire.reading import read_call, read_with_members

TRACEPARENT: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)"
)
"""Source: W3C Trace Context, version 00; later ones may append fields."""

STANDING_HEADERS: Final = (
    b"x-headgate-user",
    b"x-headgate-tags",
    b"x-headgate-labels",
    b"x-headgate-release",
)
TRACE_ID: Final = slice(3, 35)
PARENT_ID: Final = slice(36, 52)
HANGUP_DRAIN_S: Final = 30.0
BYTES_PER_TOKEN: Final = 4
"""A rough guess, good only until the usage is known and corrects it."""


def begin(plane: DataPlane, exchange: Exchange, route: Route, pair: Pair | None = None) -> Call:
    """Give the call its id, its clock and the snapshot that it keeps to its end; a shadow its pair."""
    current, clock = plane.current, plane.clock
    now_ms = clock.now_ms()
    call = Call(
        plane.identities.next_bytes(now_ms),
        route,
        current,
        current.snapshot,
        now_ms,
        clock.monotonic(),
        exchange.headers,
        exchange.query,
    )
    if pair is not None:
        call.shadows, pair.shadow = pair, call
    parent = exchange.header(b"traceparent")
    if parent is not None and TRACEPARENT.match(parent):
        call.trace_id = parent[TRACE_ID].decode("ascii")
        call.parent_span_id = unhexlify(parent[PARENT_ID])
    return call


def authenticate(plane: DataPlane, exchange: Exchange, key: Key | None = None) -> Key:
    """Find the key that is presented, unless it is known. Raises InvalidKey, or NotAllowed for a role that
    makes no calls."""
    if key is None:
        key = plane.book.authenticate(present(exchange.headers, exchange.query), plane.clock.now_ms())
    if not may(key.role, "calls:make"):
        raise NotAllowed(f"a key of the role {key.role} makes no calls; use one of the role member")
    return key


def check_capacity(plane: DataPlane) -> None:
    """Raise Unavailable where the call could not be put on record, or the process is stopping."""
    if plane.draining:
        raise Unavailable("this process is stopping; try again", retry_after_s=1)
    if not plane.journal.healthy:
        raise Unavailable(
            "calls can't be recorded now: the journal is full or its disk stalls", retry_after_s=5
        )


async def read(plane: DataPlane, call: Call, exchange: Exchange) -> CallFacts:
    """Read the body and the few fields in it that policy needs."""
    limits = call.snapshot.limits
    if call.route.multipart:
        most = limits.multipart_bytes_max
        facts, call.upload = await read_upload(exchange, call.route, most, plane.spool_folder)
        return facts
    body = await exchange.body(limits.body_bytes_max)
    if call.current.keeps_sent:
        call.sent = (call.route, body)
    overriding = call.current.overriding
    if overriding is None:
        return read_call(call.route, exchange.headers, body)
    body = overriding.render(call, body)
    facts, members = read_with_members(call.route, exchange.headers, body)
    return overriding.apply(call, facts, members)


def stand(call: Call) -> Standing:
    """Find out who calls, for which alias, and which of its targets the caller's label admits.

    Nothing after this sees another target. Raises InvalidRequest, NotFound, and NotAllowed with the reason
    for each target when none is left.
    """
    facts, key = call.facts, call.key
    assert facts is not None and key is not None
    said = _said(call, facts)
    identity = (id(key), facts.model, call.asked, said)
    standing = call.current.standings.get(identity)
    if standing is None:
        standing = call.standing = _standing_of(call, key, facts.model, said)
        call.current.remember(identity, standing)
    call.caller = standing.caller
    session = call.header(b"x-headgate-session")
    if (session or facts.session) and call.shadows is None:
        call.caller = with_session(standing.caller, _text(session) or facts.session or "")
    if standing.trials is not None:
        standing = call.standing = _exposed(call, standing, standing.trials, said)
    if call.shadows is not None and not call.exposures:
        raise Unavailable("the stage of this shadow is over, or its caller has no part in it")
    call.alias, call.targets = standing.alias, standing.targets
    # A call of an environment belongs to the release in force there, whatever it says itself.
    call.release = call.release or standing.caller.release
    for excluded in standing.excluded:
        call.exclude(excluded.target, NotAllowed(excluded.reason, code="residency_denied"))
    if not standing.targets:
        raise residency_denied(standing.excluded)
    return standing


def _said(call: Call, facts: CallFacts) -> Said:
    sent = {name: value for name, value in call.headers if name.startswith(b"x-headgate-")}
    if not sent:
        return (facts.user, facts.tags, b"", b"", b"", b"")
    user, tags, labels, release = (sent.get(name, b"") for name in STANDING_HEADERS)
    return (facts.user, facts.tags, user, tags, labels, release)


def _standing_of(call: Call, key: Key, model: str, said: Said) -> Standing:
    caller = call.caller = identify(call.snapshot, key, said)
    alias = call.alias = call.current.alias(model)
    check_model(call.snapshot, key, call.asked or model)
    standing = Standing(key, caller, alias, call.current.ways(alias))
    admitted = admit_targets(alias.targets, caller.label)
    standing.targets, standing.excluded = admitted.allowed, admitted.excluded
    trials = call.current.trials.get(alias.name)
    if trials is not None and standing.targets:
        standing.trials = trials.open_to(caller)
    return standing


def _exposed(call: Call, standing: Standing, trials: Trials, said: Said) -> Standing:
    """Note the call's part in an experiment, serve it as its arm says, and return the standing of that."""
    caller, facts = call.caller, call.facts
    assert caller is not None and facts is not None
    exposure = trials.expose(call, caller)
    if exposure is None:
        return standing
    call.exposures = (exposure,)
    serving = trials.serving_of(exposure)
    if serving is not None:
        serving.serve(call)
        if call.facts is not None and call.facts.model != facts.model:
            # A release pins another model; its own experiments are not asked, since a call is in one.
            return _standing_of(call, standing.key, call.facts.model, said)
    alias = trials.alias_of(exposure)
    if alias is None:
        return standing
    place = (exposure.experiment, exposure.arm)
    found = standing.arms.get(place)
    if found is None:
        # The same name, limits and ways: what differs are the targets.
        found = Standing(standing.key, standing.caller, alias, standing.ways)
        admitted = admit_targets(alias.targets, caller.label)
        found.targets, found.excluded = admitted.allowed, admitted.excluded
        standing.arms[place] = found
    return found


def _text(value: bytes | None) -> str:
    return value.decode("utf-8", "replace") if value else ""


def limit(plane: DataPlane, call: Call) -> None:
    """Count the call against rate limits and the loop guard; a shadow is nobody's call. Raises Limited."""
    if call.shadows is not None:
        return
    caller, facts, standing = call.caller, call.facts, call.standing
    assert caller is not None and facts is not None and standing is not None
    subject = standing.subject
    limits = call.current.call_limits
    if limits:
        try:
            take_rate(plane, call, limits, subject)
        finally:
            call.limit_headers = plane.limiter.headers(limits, subject)
    guard = call.snapshot.loop_guard
    if guard.identical_calls:
        digest = hashlib.blake2b(facts.body[:4096], digest_size=16).digest()
        plane.loops.check(guard, caller.key, caller.session, digest)
    elif guard.spend_pico_usd:
        plane.loops.check(guard, caller.key, caller.session, b"")


def take_rate(plane: DataPlane, call: Call, limits: Sequence[RateLimit], subject: Subject) -> None:
    """Take the call of rate limits, by a guess at its tokens that its usage corrects. Raises Limited."""
    facts = call.facts
    assert facts is not None
    tokens = len(facts.body) // BYTES_PER_TOKEN
    call.rate.append(plane.limiter.admit(limits, subject, input_tokens=tokens, max_output=facts.max_output))


def watch_client(exchange: Exchange, call: Call) -> None:
    """Notice when the client hangs up, and stop the call's task then; later, where usage is to be seen."""
    serving = asyncio.current_task()
    assert serving is not None

    def hang_up() -> None:
        call.hung_up = True
        if call.snapshot.on_hangup == "drain":
            call.last_moment = serving.get_loop().call_later(HANGUP_DRAIN_S, serving.cancel)
        else:
            serving.cancel()

    exchange.on_gone(hang_up)


def unwatch(exchange: Exchange, call: Call) -> None:
    """Let the call end without its task being stopped."""
    exchange.on_gone(None)
    if call.last_moment is not None:
        call.last_moment.cancel()


def still_there(call: Call) -> None:
    """Raise ClientClosed where the client has hung up: no attempt is begun for nobody."""
    if call.hung_up:
        raise ClientClosed("the client hung up before its call was sent on")


def uncancel() -> None:
    """Take back a cancellation that a hang-up caused, so that the task can end in order."""
    task = asyncio.current_task()
    while task is not None and task.cancelling():
        task.uncancel()


def order_targets(plane: DataPlane, call: Call) -> Sequence[Target]:
    """Order the admitted targets by the alias's strategy; those that ask for a rest come last."""
    alias, facts = call.alias, call.facts
    assert alias is not None and facts is not None
    if len(call.targets) == 1:
        return call.targets
    prices: dict[str, int | None] = {}
    if alias.strategy == "cheapest":
        usage = typical_usage(len(facts.body), facts.max_output)
        prices = {target.name: cost(target.facts, usage, None) for target in call.targets}
    ordered = order(
        alias.strategy,
        call.targets,
        latencies_s=plane.health.latencies() if alias.strategy == "fastest" else {},
        prices_pico_usd=prices,
        random=plane.random,
    )
    if len(ordered) > 1:
        now_s = plane.clock.monotonic()
        ordered.sort(key=lambda target: plane.health.of(target.name).cool_until_s > now_s)
    call.targets = tuple(ordered)
    return ordered


def wait_before_retry(plane: DataPlane, call: Call, number: int) -> float | None:
    """How long to wait before the same target is tried again; None to go on to the next one."""
    alias = call.alias
    assert alias is not None
    failure = call.failures[-1]
    if not failure.retryable or number >= alias.retry.attempts:
        return None
    more_targets = len(call.targets) > 1 and failure.target != call.targets[-1].name
    if isinstance(failure.fault, Limited) and more_targets:
        return None
    wait_s = backoff_s(alias.retry, number, failure.fault.retry_after_s, plane.random)
    remaining_s = alias.timeouts.total_s - (plane.clock.monotonic() - call.started_s)
    longest_s = max(alias.retry.backoff_s_max, 0.0)
    return wait_s if wait_s <= min(longest_s, remaining_s) else None


async def list_models(call: Call, exchange: Exchange) -> None:
    """Answer a listing of models with the aliases that the key may use. It is no call: nothing is metered."""
    key = call.key
    assert key is not None
    project = call.snapshot.project(key.project)
    wanted = call.route.model
    if wanted is None:
        names = [name for name in sorted(call.snapshot.aliases) if may_use_model(key, project, name)]
        body = models_body(call.route.dialect, [_listed(call.current.alias(name)) for name in names])
    else:
        alias = call.current.alias(wanted.removeprefix("models/"))
        if not may_use_model(key, project, alias.name):
            raise NotAllowed(f"this key may not use the model {wanted!r}; ask for it in the key's models")
        body = model_body(call.route.dialect, _listed(alias))
    try:
        await exchange.respond(200, [(b"content-type", b"application/json")], body)
    except ClientClosed:
        exchange.abort()


def _listed(alias: Alias) -> ListedModel:
    first = alias.targets[0].facts
    return ListedModel(name=alias.name, context_window=first.context_window, max_output=first.max_output)
