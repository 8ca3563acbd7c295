"""Wrong configurations: each is refused whole, with file, line and reason, word for word."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.config.compile import compile_file
from headgate.core.faults import Misconfigured

TODAY = date(2026, 11, 21)
GOOD = '[providers.mock]\nkind = "mock"\n'

WHOLE = (
    GOOD
    + """headers = { X-A = "b" }
[models.a]
targets = ["mock/x", { target = "mock/y", weight = 2 }]
strategy = "weighted"
timeout = { total = "2m" }
[[budgets]]
name = "b"
scope = { user = "*" }
limit = "1 USD"
timezone = "Europe/Berlin"
[[rate_limits]]
name = "r"
limit = "60 requests"
[projects.p]
regions = ["eu"]
retention = "90 days"
[prices."mock/x"]
input = "0.20"
"""
)

CASES: list[tuple[str, str, list[str]]] = [
    (
        "broken syntax",
        "[providers.mock\nkind = 1",
        ["1: this is no valid TOML: Expected ']' at the end of a table declaration"],
    ),
    (
        "a table twice",
        GOOD + '[providers.mock]\nkind = "mock"\n',
        ["3: this is no valid TOML: Cannot declare ('providers', 'mock') twice"],
    ),
    ("an unknown table", "[provider.mock]\n", ["1: provider is unknown; nearest is providers"]),
    (
        "an unknown key",
        '[providers.mock]\nkind = "mock"\nlatancy = "5ms"\n',
        ["3: providers.mock.latancy is unknown; nearest is latency"],
    ),
    (
        "an unknown kind",
        '[providers.a]\nkind = "opanai"\n',
        [
            "2: providers.a.kind can't be 'opanai'; nearest is openai (one of openai, anthropic, google, "
            "vertex, azure-openai, bedrock, bedrock-mantle, openai-compatible, cohere, mock, replay)"
        ],
    ),
    (
        "clouds without a place",
        """[providers.a]
kind = "bedrock"
[providers.b]
kind = "vertex"
location = "europe-west4"
api_key = "file:key.json"
[providers.c]
kind = "bedrock"
api_key = "env:A"
region = "eu-central-1"
base_url = "https://bedrock-runtime.us-east-1.amazonaws.com"
[providers.d]
kind = "openai"
api_key = "env:A"
region = "eu-central-1"
project = "p"
location = "eu"
""",
        [
            '1: providers.a has no api_key; write api_key = "env:AWS_BEARER_TOKEN_BEDROCK"',
            '1: providers.a has no region, which kind bedrock needs; write region = "eu-central-1"',
            '3: providers.b has no project, which kind vertex needs; write project = "my-project"',
            "10: providers.c.region is 'eu-central-1', and the base_url is of 'us-east-1'",
            "15: providers.d.region is not known to kind openai; take it out",
            "16: providers.d.project is not known to kind openai; take it out",
            "17: providers.d.location is not known to kind openai; take it out",
        ],
    ),
    (
        "a missing key",
        '[providers.a]\nregions = ["eu"]\n',
        ["1: providers.a has no kind, which it needs"],
    ),
    (
        "a secret in the file",
        '[providers.a]\nkind = "openai"\napi_key = "sk-canary-1"\n',
        [
            "3: providers.a.api_key holds no reference; secrets never stand in the file: write 'env:NAME' or "
            "'file:PATH'"
        ],
    ),
    (
        "a secret of the wrong type",
        '[providers.a]\nkind = "openai"\napi_key = ["sk-canary-1"]\n',
        ["3: providers.a.api_key has to be a text in quotes, and is not shown, as it may be a secret"],
    ),
    (
        "a vault",
        '[providers.a]\nkind = "openai"\napi_key = "vault:openai"\n',
        ["3: providers.a.api_key names a vault, which is not available yet; write 'env:NAME' or 'file:PATH'"],
    ),
    (
        "a password in an address",
        '[providers.a]\nkind = "openai-compatible"\nbase_url = "http://me:sk-canary-1@host/v1"\n',
        ["3: providers.a.base_url holds a user or password; take it out, and give the credential as api_key"],
    ),
    (
        "no address at all",
        '[providers.a]\nkind = "openai-compatible"\n',
        [
            "1: providers.a has no base_url, which kind openai-compatible needs, such as "
            "'https://host.example/v1'"
        ],
    ),
    (
        "an address that is none",
        '[providers.a]\nkind = "openai-compatible"\nbase_url = "host:8000/v1"\n',
        ["3: providers.a.base_url is 'host:8000/v1'; write an address such as 'https://host.example/v1'"],
    ),
    (
        "no credential",
        '[providers.a]\nkind = "openai"\n',
        ['1: providers.a has no api_key; write api_key = "env:OPENAI_API_KEY"'],
    ),
    (
        "settings of another kind",
        '[providers.a]\nkind = "openai"\napi_key = "env:A"\nseed = 3\nfile = "x"\napi_version = "v"\n',
        [
            "4: providers.a.seed is known to kind mock only, and this is kind openai",
            "5: providers.a.file is known to kind replay only, and this is kind openai",
            "6: providers.a.api_version is known to kind azure-openai only, and this is kind openai",
        ],
    ),
    (
        "a header that is ours",
        '[providers.a]\nkind = "mock"\n[providers.a.headers]\nAuthorization = "Bearer sk-canary-1"\n'
        '"x bad" = "1"\nx-fine = "sk-canary-1\\n"\n',
        [
            "4: providers.a.headers.Authorization is a header that Headgate sets itself; take it out",
            '5: providers.a.headers."x bad" is no name of a header',
            "6: providers.a.headers.x-fine has a value that is not printable ASCII",
        ],
    ),
    (
        "rates and counts out of range",
        '[providers.a]\nkind = "mock"\nerror_rate = 1.5\ntokens_per_second = nan\nmax_concurrent = 0\n'
        "seed = true\n",
        [
            "3: providers.a.error_rate is 1.5; it has to be between 0 and 1",
            "4: providers.a.tokens_per_second is nan; it has to be between 0 and 1000000",
            "5: providers.a.max_concurrent is 0; it has to be between 1 and 1000000000",
            "6: providers.a.seed has to be a whole number, and is true",
        ],
    ),
    (
        "a target of no provider",
        GOOD + '[models.a]\ntargets = [\n  "mock/x",\n  "mok/y",\n]\n',
        ["6: models.a.targets[1] names the provider 'mok', which [providers] does not have; nearest is mock"],
    ),
    (
        "targets that are none",
        GOOD + '[models.a]\ntargets = ["mock", "mock/", 5]\n[models.b]\ntargets = []\n'
        '[models.c]\ntargets = "mock/x"\n',
        [
            "4: models.a.targets[2] has to be a text in quotes, and is 5",
            "6: models.b.targets is empty; name at least one",
            "8: models.c.targets has to be a list, and is 'mock/x'; write it in [ ]",
        ],
    ),
    (
        "a target without model, one twice, a weight that nothing reads",
        GOOD + '[models.a]\ntargets = ["mock", "mock/x", "mock/x", { target = "mock/y", weight = 2 }]\n',
        [
            "4: models.a.targets[0] is 'mock'; write 'provider/model'",
            "4: models.a.targets[2] names 'mock/x' a second time",
            "4: models.a.targets[3].weight is read by strategy weighted only, and this is fallback",
        ],
    ),
    (
        "an alias that hides a provider",
        GOOD + '[models.mock]\ntargets = ["mock/x"]\n[models."mock/y"]\ntargets = ["mock/x"]\n',
        [
            "3: models.mock has a name that stands for the provider 'mock'; choose another",
            "5: models.\"mock/y\" has a name that stands for the provider 'mock'; choose another",
        ],
    ),
    (
        "durations that are none",
        GOOD + '[models.a]\ntargets = ["mock/x"]\ntimeout = { total = "2 minutes", idle = 5 }\n'
        'retry = { attempts = 0, backoff = "-1s" }\n',
        [
            "5: models.a.timeout.total is '2 minutes'; write a duration such as '50ms', '10s' or '5m'",
            "5: models.a.timeout.idle has to be a text in quotes, and is 5",
            "6: models.a.retry.attempts is 0; it has to be between 1 and 10",
            "6: models.a.retry.backoff is '-1s'; write a duration such as '50ms', '10s' or '5m'",
        ],
    ),
    (
        "budgets of the wrong shape",
        '[budgets]\nname = "a"\nlimit = "1 USD"\n',
        ["1: budgets has to be a list, and is {'name': 'a', 'limit': '1 USD'}; write [[...]] for its table"],
    ),
    (
        "amounts and windows that are none",
        '[[budgets]]\nname = "a"\nlimit = "5 EUR"\nwindow = "weekly"\nwhen_exhausted = "stop"\n',
        [
            "3: budgets[0].limit is refused: '5 EUR' is no amount; write a decimal number such as '500 USD'",
            "4: budgets[0].window can't be 'weekly'; nearest is week (one of hour, day, week, month, total)",
            "5: budgets[0].when_exhausted can't be 'stop'; known are next-target, reject",
        ],
    ),
    (
        "two budgets of one name, in no time zone",
        '[[budgets]]\nname = "a"\nlimit = "1 USD"\n[[budgets]]\nname = "a"\nlimit = "2 USD"\n'
        'timezone = "Europe/Berln"\n',
        [
            "5: budgets[1].name is 'a', which headgate.toml:2 has already; choose another",
            "7: budgets[1].timezone is 'Europe/Berln', which is no time zone; nearest is Europe/Berlin",
        ],
    ),
    (
        "scopes of nothing",
        GOOD + '[[budgets]]\nname = "a"\nlimit = "1 USD"\n'
        'scope = { provider = "mok", model = "asistant", user = "al*" }\n'
        '[[rate_limits]]\nname = "r"\nlimit = "60"\nscope = { usr = "*" }\n',
        [
            "9: rate_limits[0].limit is '60'; write a limit such as '60 requests' or '100000 tokens'",
            "10: rate_limits[0].scope.usr is unknown; nearest is user",
        ],
    ),
    (
        "scopes that name nothing",
        GOOD + '[models.assistant]\ntargets = ["mock/x"]\n[[budgets]]\nname = "a"\nlimit = "1 USD"\n'
        'scope = { provider = "mok", model = "asistant", user = "al*" }\n',
        [
            "8: budgets[0].scope.user is 'al*'; write a name, or '*' to count each user apart",
            "8: budgets[0].scope.provider names the provider 'mok', which [providers] does not have; "
            "nearest is mock",
            "8: budgets[0].scope.model is 'asistant', which [models] does not have; nearest is assistant",
        ],
    ),
    (
        "projects that ask for nothing there is",
        GOOD + '[projects.p]\nmodels = ["asistant"]\nregions = ["euu"]\nretention = "a while"\n',
        ["6: projects.p.retention is 'a while'; write days between 1 and 3660, such as '90 days'"],
    ),
    (
        "projects that name what there is not",
        GOOD + '[projects.p]\nmodels = ["asistant", "moc/x", "any*"]\nregions = ["euu"]\n',
        [
            "4: projects.p.models[0] is 'asistant', which [models] does not have",
            "4: projects.p.models[1] names the provider 'moc', which [providers] does not have; "
            "nearest is mock",
            "5: projects.p.regions[0] is 'euu', which is no known region and no provider's; nearest is eu",
        ],
    ),
    (
        "a setting that nothing enforces",
        '[projects.p]\npurposes = ["support"]\n',
        ["2: projects.p.purposes is unknown; known are check_retention, models, record, regions, retention"],
    ),
    (
        "prices that are floats, or of nothing",
        GOOD + '[prices."mock/x"]\ninput = 0.2\noutput = "cheap"\n[prices.mock]\ninput = "1"\noutput = "1"\n',
        [
            '4: prices."mock/x".input has to be a text in quotes, and is 0.2',
            "5: prices.\"mock/x\".output is 'cheap'; write USD as a decimal number in quotes such as '0.20'",
        ],
    ),
    (
        "prices of no model",
        '[prices.mock]\ninput = "1"\noutput = "1"\n[prices."nobody/x"]\ninput = "1"\noutput = "1"\n',
        [
            '1: prices.mock names no model; write [prices."provider/model"]',
            "4: prices.\"nobody/x\" names the provider 'nobody', which [providers] does not have",
        ],
    ),
    (
        "kinds, tables and scopes of the wrong type",
        'models = 5\nserver = "fast"\n[providers.a]\nkind = ["mock"]\n[providers]\nb = 1\n'
        '[[budgets]]\nname = "x"\nlimit = "1 USD"\nscope = "all"\n',
        [
            "1: models has to be a table, and is 5",
            "2: server has to be a table, and is 'fast'",
            "4: providers.a.kind can't be ['mock'] (one of openai, anthropic, google, vertex, "
            "azure-openai, bedrock, bedrock-mantle, openai-compatible, cohere, mock, replay)",
            "6: providers.b has to be a table, and is 1",
            "10: budgets[0].scope has to be a table, and is 'all'",
        ],
    ),
    (
        "too many targets, a duration too long",
        GOOD
        + "[models.a]\ntargets = ["
        + ", ".join(f'"mock/m{number}"' for number in range(65))
        + ']\ntimeout = { total = "400d" }\n[models.b]\n'
        'targets = [{ target = "mock/x", weight = 0 }]\nstrategy = "weighted"\n',
        [
            "4: models.a.targets has 65 elements; at most 64 are read",
            "5: models.a.timeout.total is '400d'; at most a year is a duration here",
            "7: models.b.targets[0].weight is 0; it has to be above 0 and at most 1000000",
        ],
    ),
    (
        "addresses that can't be reached",
        "".join(
            f'[providers.{name}]\nkind = "openai-compatible"\nbase_url = "{address}"\n'
            for name, address in {
                "a": "http://host:99999/v1",
                "b": "http://[bad/v1",
                "c": "http://host/v1?key=sk-canary-1",
                "d": "ftp://host/v1",
            }.items()
        ),
        [
            "3: providers.a.base_url is 'http://host:99999/v1', which is no address with a port between 1 "
            "and 65535",
            "6: providers.b.base_url is 'http://[bad/v1', which is no address with a port between 1 and "
            "65535",
            "9: providers.c.base_url has a query or a fragment, which a base URL does not; take it out",
            "12: providers.d.base_url is 'ftp://host/v1'; write an address such as 'https://host.example/v1'",
        ],
    ),
    (
        "a replay with a delay, a mock with a key, an alias of a refused provider",
        '[providers.a]\nkind = "replay"\nlatency = "1s"\n[providers.b]\nkind = "mock"\napi_key = "env:B"\n'
        '[models.c]\ntargets = ["a/x"]\n[[budgets]]\nname = "n"\nlimit = "1 USD"\n'
        'scope = { model = "bb/x" }\n[prices."a/x"]\ninput = "1"\n',
        [
            "3: providers.a.latency is known to kind mock only, and this is kind replay",
            "6: providers.b.api_key is set, but kind mock takes no credential; take it out",
            "12: budgets[0].scope.model names the provider 'bb', which [providers] does not have"
            "; nearest is b",
        ],
    ),
    (
        "names that can't be",
        '[providers."a/b"]\nkind = "mock"\n[models." x"]\ntargets = ["a/x"]\n',
        [
            "1: providers.\"a/b\" has the name 'a/b'; names are letters, digits, '.', '_' and '-', "
            "100 at most",
            "3: models.\" x\" has the name ' x'; names of models are letters, digits and any of "
            ". _ : @ / + -",
        ],
    ),
]


@pytest.mark.parametrize(("name", "text", "expected"), CASES, ids=[case[0] for case in CASES])
def test_a_wrong_file_is_refused_with_line_and_reason(
    name: str, text: str, expected: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "headgate.toml"
    path.write_text(text)
    with pytest.raises(Misconfigured) as caught:
        compile_file(path, today=TODAY)
    assert str(caught.value).split("\n") == [f"headgate.toml:{line}" for line in expected]
    assert (caught.value.where or "").startswith("headgate.toml:")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a = " + "[" * 5000, "nested too deeply"),
        ("a = " + "9" * 5000, "this is no valid TOML"),
        ('[[budgets]]\nname = "a"\nlimit = "1 USD"\ntimezone = "../../etc/passwd"\n', "is no time zone"),
        ('[[budgets]]\nname = "a"\nlimit = "1 USD"\ntimezone = "Europe"\n', "is no time zone"),
        (GOOD + "seed = 99999999999999999999999\n", "it has to be between 0 and"),
        (GOOD + '[models.a]\ntargets = ["mock/a\\nb"]\n', "write 'provider/model'"),
        ('a = "\ud800"', "is no UTF-8 text"),
    ],
)
def test_what_could_upset_a_reader_is_refused_too(text: str, reason: str) -> None:
    with pytest.raises(Misconfigured, match=reason):
        compile_file(text, today=TODAY)


@given(st.integers(0, len(WHOLE)), st.integers(0, 12), st.text(max_size=8))
def test_a_damaged_file_is_read_or_refused_and_never_upsets(start: int, cut: int, inserted: str) -> None:
    try:
        compile_file(WHOLE[:start] + inserted + WHOLE[start + cut :], today=TODAY)
    except Misconfigured as fault:
        assert "headgate.toml" in str(fault)


def test_a_byte_order_mark_and_dos_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "headgate.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode() + b"sed = 1\r\n")
    with pytest.raises(Misconfigured, match=r"headgate\.toml:3: providers\.mock\.sed is unknown"):
        compile_file(path, today=TODAY)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"none\.toml can't be read: No such file"):
        compile_file(tmp_path / "none.toml", today=TODAY)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "headgate.toml"
    path.write_bytes(b'a = 1\nb = "\xff"\n')
    with pytest.raises(Misconfigured, match=r"headgate\.toml:2: is no UTF-8 text"):
        compile_file(path, today=TODAY)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "headgate.toml"
    path.write_bytes(b"#" * (4 * 1024 * 1024 + 1))
    with pytest.raises(Misconfigured, match="at most 4194304 are read"):
        compile_file(path, today=TODAY)


def test_no_more_problems_are_shown_than_can_be_read() -> None:
    text = "".join(f'[providers.p{number}]\nkind = "no"\n' for number in range(60))
    with pytest.raises(Misconfigured) as caught:
        compile_file(text, today=TODAY)
    lines = str(caught.value).split("\n")
    assert len(lines) == 51
    assert lines[-1] == "... and 10 more"
