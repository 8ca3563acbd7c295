import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.call import ServerTool
from headgate.core.faults import InvalidRequest
from headgate.wire.model import CallFacts, Route
from headgate.wire.reading import read_call, rewrite
from headgate.wire.routes import match


def route_of(path: str) -> Route:
    route = match("POST", path)
    assert route is not None
    return route


CHAT = route_of("/v1/chat/completions")
RESPONSES = route_of("/v1/responses")
COMPLETIONS = route_of("/v1/completions")
EMBEDDINGS = route_of("/v1/embeddings")
MESSAGES = route_of("/v1/messages")
GEMINI = route_of("/v1beta/models/gemini-3-flash:generateContent")


def read(route: Route, body: Any) -> CallFacts:
    return read_call(route, [], body if isinstance(body, bytes) else json.dumps(body).encode())


def chat(**members: Any) -> dict[str, Any]:
    return {"model": "gpt-5", "messages": [{"role": "user", "content": "hi"}], **members}


def test_a_chat_call_is_read():
    facts = read(
        CHAT,
        chat(
            stream=True, stream_options={"include_usage": True}, max_tokens=7, max_completion_tokens=9, n=3,
            user="ada", service_tier="flex", prompt_cache_key="s1", metadata={"user_id": "bob"},
        ),
    )  # fmt: skip
    assert (facts.model, facts.stream, facts.wants_usage) == ("gpt-5", True, True)
    assert (facts.max_output, facts.choices, facts.messages) == (9, 3, 1)
    assert (facts.user, facts.session, facts.service_tier) == ("ada", "s1", "flex")
    assert facts.media.unbounded == ()


def test_null_means_absent():
    facts = read(CHAT, chat(stream=None, stream_options=None, max_tokens=None, n=None, user=None, tools=None))
    assert (facts.stream, facts.wants_usage, facts.max_output, facts.choices) == (False, False, None, 1)


def test_other_dialects_are_read():
    responses = read(RESPONSES, {"model": "m", "input": "hi", "max_output_tokens": 5})
    assert (responses.max_output, responses.messages) == (5, 2)
    anthropic = read(
        MESSAGES,
        {"model": "c", "max_tokens": 3, "messages": [{}, {}], "metadata": {"user_id": "u_session_s"}},
    )
    assert (anthropic.max_output, anthropic.user, anthropic.session) == (3, "u", "s")
    google = read(
        GEMINI, {"contents": [], "generation_config": {"max_output_tokens": 8, "candidateCount": 2}}
    )
    assert (google.model, google.max_output, google.choices) == ("gemini-3-flash", 8, 2)


def test_a_list_of_prompts_multiplies_the_choices():
    facts = read(COMPLETIONS, {"model": "m", "prompt": ["a", "b", "c"], "n": 2, "best_of": 4})
    assert facts.choices == 12
    assert read(COMPLETIONS, {"model": "m", "prompt": [1, 2, 3]}).choices == 1
    assert read(EMBEDDINGS, {"model": "m", "input": ["a", "b"]}).messages == 2


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        (b'{"model":"a","model":"b"}', "model"),
        (b'{"model":"a","model":"a"}', "model"),
        (b'{"model":"a","x":[1,{"y":"}"}],"mod\\u0065l":"b"}', "model"),
        (b'{"model":"a","Model":"b"}', "model"),
        (b'{"model":"a","MAX_TOKENS":9}', "max_tokens"),
        ('{"model":"a","\u017ftream":true}'.encode(), "stream"),
        (
            b'{"model":"a","stream_options":{"include_usage":true,"include_usage":false}}',
            "stream_options.include_usage",
        ),
        (b'{"model":"a","stream_options":{"Include_usage":true}}', "stream_options.include_usage"),
        (b'{"model":"a","stream_options":[]}', "stream_options"),
        (b'{"model":"a","stream":1}', "stream"),
        (b'{"model":"a","stream":"true"}', "stream"),
        (b'{"model":"a","n":0}', "n"),
        (b'{"model":"a","n":1000000}', "n"),
        (b'{"model":"a","max_tokens":-1}', "max_tokens"),
        (b'{"model":"a","max_tokens":0}', "max_tokens"),
        (b'{"model":"a","max_tokens":1.5}', "max_tokens"),
        (b'{"model":"a","max_tokens":true}', "max_tokens"),
        (b'{"model":"a","max_tokens":1e400}', "max_tokens"),
        (b'{"model":"a","max_tokens":"5"}', "max_tokens"),
        (b'{"model":"a","messages":5,"n":' + b"9" * 9000 + b"}", "n"),
        (b'{"model":["a"]}', "model"),
        (b'{"model":""}', "model"),
        (b'{"model":"a\\u0000b"}', "model"),
        (b"{}", "model"),
        (b'{"model":"a","tools":[{"type":"function","type":"web_search"}]}', "tools.type"),
        (b'{"model":"a","messages":[{"content":[{"type":"text","type":"image_url"}]}]}', "messages"),
    ],
)
def test_what_two_parsers_could_read_differently_is_refused(body: bytes, parameter: str):
    with pytest.raises(InvalidRequest) as refused:
        read(CHAT, body)
    assert refused.value.parameter == parameter


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b'{"model":"a"} x',
        b'{"model":"a"}{}',
        b'\xef\xbb\xbf{"model":"a"}',
        b'{"model":"a","x":"\xff"}',
        b'{"model":"a","x":NaN}',
        b'{"model":"a","x":Infinity}',
        b"{'model':'a'}",
        b'{"model":"a",}',
        b'{"model":"\\ud800"}',
        b'{"model":"a","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        '{"model":"a"}'.encode("utf-16"),
    ],
)
def test_what_is_no_plain_json_object_is_refused(body: bytes):
    with pytest.raises(InvalidRequest):
        read(CHAT, body)


def test_google_fields_in_both_spellings_are_refused():
    for body in (
        {"generationConfig": {}, "generation_config": {"maxOutputTokens": 5}},
        {"generationConfig": {"maxOutputTokens": 5, "max_output_tokens": 6}},
    ):
        with pytest.raises(InvalidRequest):
            read(GEMINI, body)
    with pytest.raises(InvalidRequest) as refused:
        read(GEMINI, {"contents": [], "requests": [{"model": "models/other"}]})
    assert refused.value.parameter == "requests.model"


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


MEDIA: list[tuple[Route, dict[str, Any], tuple[int, int, int], tuple[str, ...]]] = [
    (CHAT, chat(), (0, 0, 0), ()),
    (
        CHAT,
        chat(messages=[{"role": "user", "content": [IMAGE, {"type": "text", "text": "x"}]}]),
        (1, 0, 0),
        (),
    ),
    (CHAT, chat(messages=[{"content": [{"type": "input_audio", "input_audio": {}}]}]), (0, 1, 0), ()),
    (
        CHAT,
        chat(messages=[{"content": [{"type": "file", "file": {"file_id": "f"}}]}]),
        (0, 0, 1),
        ("file id",),
    ),
    (CHAT, chat(messages=[{"content": 'say "type": "image_url"'}]), (0, 0, 0), ()),
    (CHAT, chat(tools=[{"type": "function", "function": {"name": "web_search"}}]), (0, 0, 0), ()),
    (CHAT, chat(web_search_options={}), (0, 0, 0), ("server tool web_search",)),
    (CHAT, chat(modalities=["text", "audio"]), (0, 1, 0), ()),
    (
        RESPONSES,
        {"model": "m", "input": "x", "tools": [{"type": "web_search"}]},
        (0, 0, 0),
        ("server tool web_search",),
    ),
    (
        RESPONSES,
        {"model": "m", "input": "x", "previous_response_id": "r"},
        (0, 0, 0),
        ("previous_response_id",),
    ),
    (RESPONSES, {"model": "m", "input": "x", "background": True}, (0, 0, 0), ("background",)),
    (
        RESPONSES,
        {"model": "m", "input": "x", "reasoning": {"mode": "pro"}},
        (0, 0, 0),
        ("reasoning mode pro",),
    ),
    (
        RESPONSES,
        {"model": "m", "input": [{"content": [{"type": "input_image", "file_id": "f"}]}]},
        (1, 0, 0),
        ("file id",),
    ),
    (
        MESSAGES,
        {"model": "m", "messages": [], "tools": [{"name": "f"}, {"type": "bash_20250124"}]},
        (0, 0, 0),
        (),
    ),
    (
        MESSAGES,
        {"model": "m", "messages": [], "tools": [{"type": f"made_up_{n}"} for n in range(17)]},
        (0, 0, 0),
        ("more than sixteen server tools",),
    ),
    (
        RESPONSES,
        {"model": "m", "input": "x", "tools": [{"type": "tool_search", "execution": "client"}]},
        (0, 0, 0),
        (),
    ),
    (
        MESSAGES,
        {"model": "m", "messages": [], "mcp_servers": [{}], "container": "c"},
        (0, 0, 0),
        ("MCP servers", "container"),
    ),
    (
        MESSAGES,
        {"model": "m", "messages": [{"content": [{"type": "image", "source": {"type": "url"}}]}]},
        (1, 0, 0),
        (),
    ),
    (
        MESSAGES,
        {"model": "m", "messages": [{"content": [{"type": "document", "source": {}}]}]},
        (0, 0, 1),
        (),
    ),
    (
        GEMINI,
        {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "A"}}]}]},
        (1, 0, 0),
        (),
    ),
    (
        GEMINI,
        {"contents": [{"parts": [{"inline_data": {"mime_type": "audio/wav", "data": "A"}}]}]},
        (0, 1, 0),
        (),
    ),
    (GEMINI, {"contents": [{"parts": [{"fileData": {"fileUri": "gs://x"}}]}]}, (0, 0, 1), ()),
    (
        GEMINI,
        {"tools": [{"google_search": {}}, {"functionDeclarations": []}]},
        (0, 0, 0),
        ("server tool google_search",),
    ),
    (GEMINI, {"tools": {"codeExecution": {}}}, (0, 0, 0), ("server tool codeExecution",)),
    (GEMINI, {"cachedContent": "cachedContents/x"}, (0, 0, 0), ("cached content",)),
]


@pytest.mark.parametrize(("route", "body", "counts", "unbounded"), MEDIA)
def test_what_bytes_do_not_bound_is_found(
    route: Route, body: dict[str, Any], counts: tuple[int, int, int], unbounded: tuple[str, ...]
):
    media = read(route, body).media
    assert (media.images, media.audio, media.files) == counts
    assert media.unbounded == unbounded


def test_encoded_media_are_no_text_and_count_once():
    data = "data:image/png;base64," + "A" * 5000
    nested = {"type": "file", "file": {"file_data": data, "type": "file"}}
    parts = [{"type": "image_url", "image_url": {"url": data}}, nested, {"type": "text", "text": data}]
    body = json.dumps(chat(messages=[{"content": parts}])).encode()
    media = read(CHAT, body).media
    assert media.inline_bytes == 2 * len(data)
    text = {"type": "document", "source": {"type": "text", "data": "A" * 500}}
    assert read(MESSAGES, {"model": "m", "messages": [{"content": [text]}]}).media.inline_bytes == 0


def test_media_spelled_with_escapes_is_found():
    body = b'{"model":"a","messages":[{"content":[{"t\\u0079pe":"image_\\u0075rl","x":1}]}]}'
    assert read(CHAT, body).media.images == 1


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["temperature", "messages", "logit_bias", "x", "é", 'quo"te', "input_model"])
NESTED: dict[str, Any] = {"model": "nested", "stream_options": {}}


def with_messages(members: dict[str, Any]) -> dict[str, Any]:
    return {**members, "messages": [members, NESTED]}


OTHER = st.dictionaries(NAMES, JSON).map(with_messages)


@given(
    others=OTHER,
    options=st.none() | st.just("absent") | st.dictionaries(st.just("include_usage"), st.booleans()),
    limit=st.none() | st.integers(1, 1000),
    model=st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=20),
    order=st.randoms(use_true_random=False),
    indent=st.none() | st.integers(0, 3),
    ascii_only=st.booleans(),
)
def test_a_rewrite_changes_what_was_asked_and_no_other_byte(
    *,
    others: dict[str, Any],
    options: Any,
    limit: int | None,
    model: str,
    order: Random,
    indent: int | None,
    ascii_only: bool,
):
    members: dict[str, Any] = {**others, "model": "old", "stream": True}
    if options != "absent":
        members["stream_options"] = options
    if limit is not None:
        members["max_tokens"] = limit
    items = list(members.items())
    order.shuffle(items)
    body = json.dumps(dict(items), indent=indent, ensure_ascii=ascii_only).encode()
    facts = read(CHAT, body)
    assert rewrite(facts) == body
    changed = rewrite(facts, model=model, ask_usage=True, max_output=5)
    field = "max_tokens" if limit is not None else "max_completion_tokens"
    wanted: dict[str, Any] = {
        **members,
        "model": model,
        field: 5,
        "stream_options": {**(options if isinstance(options, dict) else {}), "include_usage": True},
    }
    assert json.loads(changed) == wanted
    named = rewrite(facts, model="other")
    start = named.index(b'"other"') if b'"other"' not in body else None
    if start is not None:
        assert named[:start] + b'"old"' + named[start + len(b'"other"') :] == body


@pytest.mark.parametrize(
    ("route", "body", "changed"),
    [
        (RESPONSES, b'{"model": "m", "input": "x"}', b'{"model": "m", "input": "x","max_output_tokens":5}'),
        (MESSAGES, b'{"max_tokens":9,"model":"m"}\n', b'{"max_tokens":5,"model":"m"}\n'),
        (GEMINI, b"{ }", b'{"generationConfig":{"maxOutputTokens":5} }'),
        (
            GEMINI,
            b'{"generationConfig":{"temperature":1}}',
            b'{"generationConfig":{"temperature":1,"maxOutputTokens":5}}',
        ),
        (
            GEMINI,
            b'{"generation_config":{"max_output_tokens":9}}',
            b'{"generation_config":{"max_output_tokens":5}}',
        ),
        (GEMINI, b'{"generationConfig":null}', b'{"generationConfig":{"maxOutputTokens":5}}'),
    ],
)
def test_the_limit_goes_into_the_field_of_the_dialect(route: Route, body: bytes, changed: bytes):
    assert rewrite(read(route, body), max_output=5) == changed


def test_a_batch_of_google_names_its_model_in_every_request():
    route = route_of("/v1beta/models/alias:batchEmbedContents")
    request = b'{"model":"models/alias","content":{"parts":[{"text":"models/alias"}]}}'
    facts = read(route, b'{"requests":[' + request + b", " + request + b"]}")
    changed = json.loads(rewrite(facts, model="gemini-embedding-2"))
    assert [one["model"] for one in changed["requests"]] == ["models/gemini-embedding-2"] * 2
    assert changed["requests"][1]["content"]["parts"][0]["text"] == "models/alias"


def test_a_moderation_without_a_model_gets_one():
    facts = read(route_of("/v1/moderations"), b'{"input":"x"}')
    assert json.loads(rewrite(facts, model=facts.model)) == {"input": "x", "model": "omni-moderation-latest"}


def test_server_tools_of_anthropic_are_named_with_their_uses():
    tools = [
        {"type": "web_search_20250305", "max_uses": 3},
        {"type": "made_up", "max_uses": None},
        {"name": "f"},
    ]
    media = read(MESSAGES, {"model": "m", "messages": [], "tools": tools}).media
    assert media.server_tools == (ServerTool("web_search_20250305", 3), ServerTool("made_up"))
    for odd in (0, -1, "3", 1.5, True):
        wrong = {"model": "m", "messages": [], "tools": [{"type": "web_search_20250305", "max_uses": odd}]}
        with pytest.raises(InvalidRequest, match="max_uses"):
            read(MESSAGES, wrong)
