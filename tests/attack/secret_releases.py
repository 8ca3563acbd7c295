"""Drives prompts, rules, releases and what-if in the house of canary secrets, and reads what shows of them.

A team's code holds keys beside its prompts, callers who are not recorded put secrets into what rules, managed
prompts and matching look at, and every command and page that shows any of it is a sink.
"""

import json
import shlex
import time
from typing import Any

from demo.repository import git
from tests.attack.secret_house import SecretHouse

CODE = '''
from openai import OpenAI

API_KEY = "{first}"
client = OpenAI(api_key="{second}", default_headers={{"authorization": "Bearer {second}"}})
GREETING = """You are a patient assistant who answers questions about gardens and plants.

Answer the question of the user in one short sentence: {{question}}"""


def ask(question: str) -> str:
    answer = client.chat.completions.create(
        model="gpt-4o",
        temperature=0.2,
        api_key="{second}",
        extra_headers={{"x-api-key": "{second}"}},
        messages=[{{"role": "user", "content": GREETING.format(question=question)}}],
    )
    return answer.choices[0].message.content
'''
ASKED = (
    "You are a patient assistant who answers questions about gardens and plants.\n\n"
    "Answer the question of the user in one short sentence: "
)
VERSION = {
    "messages": [{"role": "system", "content": "You answer {{who}}, who asks about gardens."}],
    "parameters": {"temperature": 0.5},
    "labels": ["production"],
}
RULES = (
    {"name": "told", "replace": [{"old": "patient", "new": "terse"}], "set": {"temperature": 0.1}},
    {"name": "taken", "set": {"stop": ["end"]}},
)
PAGES = (
    *("/api/v1/prompts?show=all", "/api/v1/prompts", "/api/v1/prompts/unknown", "/api/v1/prompts/catalogue"),
    *("/api/v1/prompts/catalogue/garden", "/api/v1/prompts/greeting", "/api/v1/prompts/greeting/diff"),
    *("/api/v1/prompts/app.py:GREETING", "/api/v1/rules", "/api/v1/rules/told/versions"),
    *("/api/v1/releases", "/api/v1/releases/first", "/api/v1/releases/compare?a=first&b=second"),
    *("/api/v1/environments", "/api/v1/environments/staging/history", "/api/v1/environments/staging/status"),
)
COMMANDS = (
    *("prompts list", "prompts show app.py:GREETING", "prompts unknown", "rules test told"),
    *("releases show first --json", "releases compare first second", "releases status staging", "whatif"),
)


def put_in_force(house: SecretHouse) -> None:
    """A catalogue, a managed prompt, rules and releases, made as a team makes them."""
    code = house.running.folder.parent / "garden"
    code.mkdir()
    git(code, "init", "--quiet")
    for number, first in enumerate(("first key in code", "second key in code")):
        text = CODE.format(first=house.canaries[first], second=house.canaries["key of a call in code"])
        (code / "app.py").write_text(text)
        git(code, "add", "app.py")
        git(code, "commit", "--quiet", "-m", str(number))
        _tell(house, f"releases create --path {code} --name {('first', 'second')[number]} --json")
    page = house.running.folder / "scan.html"
    for options in ("", "--json --history", f"--html {page}"):
        _tell(house, f"scan {code} {options}")
    _tell(house, f"prompts push {code} --source garden --json")
    for path, body in (("/prompts/greeting/versions", VERSION), *(("/rules", each) for each in RULES)):
        made = house.admin.post(f"/api/v1{path}", json=body)
        assert made.status_code == 201, made.text
    for name in ("first", "second"):
        _tell(house, f"releases promote {name} --to staging --json")


def call(house: SecretHouse, keys: dict[str, str]) -> None:
    """Calls that rules change, that managed prompts make and that matching takes apart."""
    for record, key in keys.items():
        if record == "revoked":
            continue
        secret = "roses" if record == "full" else house.canaries["unrecorded body"]
        headers = {"authorization": f"Bearer {key}"}
        body = {"model": "filed/ok", "metadata": {"told": secret}, "user": secret, "stop": [secret]}
        for message in (ASKED + f"What of {secret}?", f"Nobody knows of {secret} here, nor of anything else"):
            asked = {**body, "messages": [{"role": "user", "content": message}]}
            assert house.caught_call("/v1/chat/completions", asked, headers) == 200
        reference = {"name": "greeting", "variables": {"who": secret}}
        asked: dict[str, Any] = {"model": "filed/ok", "messages": [], "prompt": reference}
        assert house.caught_call("/v1/chat/completions", asked, headers) == 200
        for wrong in (
            {"version": 7, "variables": {secret: secret}},
            {"variables": [secret], "version": [secret]},
        ):
            asked = {"model": "filed/ok", "messages": [], "prompt": {"name": "greeting", **wrong}}
            assert house.caught_call("/v1/chat/completions", asked, headers) in (400, 404)


def read(house: SecretHouse) -> None:
    """Read all that shows of it, when matching has looked at every call."""
    deadline = time.monotonic() + 30
    while not (found := house.admin.get("/api/v1/prompts?kind=code").json()["items"])[0]["seen"]:
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    calls = house.admin.get("/api/v1/requests?limit=50").json()["items"]
    details = [house.admin.get(f"/api/v1/requests/{each['id']}").json() for each in calls]
    for recorded in ('"before": ["roses"]', '"who": "roses"', '"question": "What of roses?"'):
        assert recorded in json.dumps(details), f"{recorded} of the key that is recorded"
    for path in PAGES:
        answer = house.admin.get(path)
        assert answer.status_code == 200, (path, answer.text)
        house.sinks.add("control API", repr(answer.headers.raw).encode() + answer.content)
    for path, body in (
        ("/prompts/greeting/render", {"variables": {"who": "you"}, "dialect": "openai-chat"}),
        ("/rules/test", {"rule": {key: value for key, value in RULES[1].items() if key != "name"}}),
        ("/whatif", {"rules": list(RULES)}),
    ):
        answer = house.admin.post(f"/api/v1{path}", json=body)
        assert answer.status_code == 200, (path, answer.text)
        house.sinks.add("control API", answer.content)
    for command in COMMANDS:
        _tell(house, command)


def _tell(house: SecretHouse, arguments: str) -> None:
    status, told = house.command(*shlex.split(arguments), HOME=str(house.running.folder / "home"))
    assert status == 0, (arguments, told)
