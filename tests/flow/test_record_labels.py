"""A call's label stands on its record and on its messages; one text under two labels is two messages."""

import uuid

import msgspec
from tests.flow.control_app import control

from headgate.core.entries import BODY, Body
from headgate.core.identity import IdentitySource
from headgate.core.labels import UNRESTRICTED, Label, label_text
from headgate.core.ports import Envelope
from headgate.records.bodies import BodySink, read_bodies
from headgate.store.clock import SystemClock
from headgate.store.database import Database

TEXT = "a message that is long enough to be stored apart from what stands around it, once a day"
REQUEST = msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": TEXT}]})
EUROPE = Label(regions=frozenset({"eu-west-1", "de"}), readers=frozenset({"support"}))


def test_a_label_has_one_text() -> None:
    assert label_text(UNRESTRICTED) == ""
    assert label_text(EUROPE) == '{"readers":["support"],"regions":["de","eu-west-1"]}'
    assert label_text(Label(regions=frozenset())) == '{"regions":[]}'


async def test_stored_messages_carry_the_label_of_their_call(database: Database) -> None:
    ids = IdentitySource(SystemClock())
    labels = [EUROPE, UNRESTRICTED, EUROPE]
    calls = [ids.next() for _ in labels]
    entries = [
        Body(
            call=call.bytes,
            project="default",
            dialect="openai-chat",
            request=REQUEST,
            response=b"{}",
            label=label_text(label),
        )
        for call, label in zip(calls, labels, strict=True)
    ]
    batch = [Envelope(uuid.uuid4().bytes, BODY, msgspec.msgpack.encode(entry)) for entry in entries]
    async with database.transaction() as connection:
        await BodySink().apply(connection, batch)
    async with database.connection() as connection:
        cursor = await connection.execute("select label, count(*) from messages group by label")
        assert dict(await cursor.fetchall()) == {"": 1, label_text(EUROPE): 1}
        for call in calls:
            bodies = await read_bodies(connection, None, call)
            assert bodies is not None
            assert bodies.request == REQUEST


async def test_the_record_shows_the_whole_label(database: Database) -> None:
    async with control(database) as api:
        described = (await api.client.get("/api/openapi.json")).json()
        shown = described["components"]["schemas"]["RequestDetail"]["properties"]
        assert {"label_regions", "label_readers", "label_purposes"} <= set(shown)
