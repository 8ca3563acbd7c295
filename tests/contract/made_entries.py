"""Journal entries as a gateway would write them, with whatever a test wants to say of them."""

import uuid
from typing import Any

import msgspec

from headgate.core.call import Usage
from headgate.core.entries import (
    BEGIN,
    BODY,
    END,
    SETTLED,
    AttemptRecord,
    Begin,
    Body,
    End,
    Excluded,
    Hold,
    Settled,
)
from headgate.core.identity import IdentitySource
from headgate.core.ports import Envelope
from headgate.store.clock import SystemClock

BOOT = uuid.UUID("0190a0a0-0000-7000-8000-000000000001")
IDS = IdentitySource(SystemClock())


def new_call() -> bytes:
    return IDS.next().bytes


def now_ms() -> int:
    return SystemClock().now_ms()


def make_attempt(**changes: Any) -> AttemptRecord:
    attempt = AttemptRecord(
        attempt=1,
        target="openai/gpt-5-mini",
        status=200,
        code="",
        started_ms=now_ms(),
        duration_ms=40,
        reserved_pico_usd=5_000_000,
        cost_pico_usd=1_234_567,
        charged_pico_usd=1_234_567,
        estimated=False,
        usage=Usage(input=3, output=5),
        usage_raw=b'{"prompt_tokens": 3}',
    )
    return msgspec.structs.replace(attempt, **changes)


def make_begin(call: bytes, **changes: Any) -> Begin:
    begin = Begin(
        call=call,
        attempt=1,
        started_ms=now_ms(),
        target="openai/gpt-5-mini",
        holds=(Hold(window=1, pico_usd=5_000_000), Hold(window=2, pico_usd=5_000_000)),
        project="default",
        key="k1",
        user="ann",
        model="assistant",
        tags=("blue",),
    )
    return msgspec.structs.replace(begin, **changes)


def make_end(call: bytes, **changes: Any) -> End:
    end = End(
        call=call,
        started_ms=now_ms(),
        duration_ms=50,
        first_token_ms=20,
        project="default",
        key="k1",
        user="ann",
        session="s1",
        tags=("blue",),
        dialect="openai-chat",
        operation="chat",
        stream=True,
        model="assistant",
        target="openai/gpt-5-mini",
        status=200,
        code="",
        message="",
        attempts=(make_attempt(),),
        excluded=(Excluded("local/llama", "region us is not allowed"),),
        changes=("dropped seed",),
        snapshot="snap",
        release="r1",
        trace_id="0af7651916cd43dd8448eb211c80319c",
        usage=Usage(input=3, cache_read=2, cache_write_1h=1, output=5, reasoning=7, output_audio=11),
        cost_pico_usd=1_234_567,
        estimated=False,
        truncated=False,
    )
    return msgspec.structs.replace(end, **changes)


def make_body(call: bytes, request: bytes, **changes: Any) -> Body:
    body = Body(
        call=call,
        project="default",
        dialect="openai-chat",
        request=request,
        response=b'{"choices": []}',
        request_length=len(request),
        response_length=15,
        response_content_type="application/json",
    )
    return msgspec.structs.replace(body, **changes)


def envelope(entry: Begin | Settled | End | Body, boot: uuid.UUID = BOOT) -> Envelope:
    kinds = {Begin: BEGIN, Settled: SETTLED, End: END, Body: BODY}
    return Envelope(boot.bytes, kinds[type(entry)], msgspec.msgpack.encode(entry))
