"""`headgate rules`: what is changed in calls before they are sent, and what a rule would have changed.

A rule is written as flags or as a TOML file whose parts have the API's names. Read next:
`releases.rule_forms`.
"""

import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import typer

from headgate.cli.client import PREFIX, Json
from headgate.cli.command import Api, over_api
from headgate.cli.failure import CommandFailed
from headgate.cli.output import NOTHING, Column, moment, plain, usd

app = typer.Typer(no_args_is_help=True, help="See, set, try and delete override rules.")

UNITS_S = {"m": 60, "h": 3600, "d": 86400, "w": 604800}
_SPAN = re.compile(r"(\d{1,6})([mhdw])")

Name = Annotated[str, typer.Argument(help="The rule's name.")]
File = Annotated[Path | None, typer.Option("-f", "--file", help="A TOML file that holds the rule.")]


def _actions(rule: Json) -> list[str]:
    """What a rule does, in words."""
    said = [f"{name}={_value(value)}" for name, value in cast("Json", rule["set"]).items()]
    said += [f"no {name}" for name in rule["remove"]]
    for name, clamp in cast("Json", rule["clamp"]).items():
        said.append(f"{name} within {_edge(clamp, 'least')}..{_edge(clamp, 'most')}")
    if rule["replace"]:
        said.append(f"{len(rule['replace'])} texts replaced")
    if rule["model"]:
        said.append(f"model {rule['model']}")
    return said


def _edge(clamp: Json, side: str) -> str:
    return f"{clamp[side]:g}" if clamp.get(side) is not None else ""


def _value(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _match(match: Any) -> str:
    return plain(match) if match else "every call"


def _percent(share: Any) -> str:
    return f"{float(share) * 100:g} %"


COLUMNS = (
    Column("name", "name"),
    Column("version", "version", right=True),
    Column("matches", "match", _match),
    Column("does", "does"),
    Column("share", "share", _percent, right=True),
    Column("expires", "expires_at", moment),
)
DETAILS = (
    *COLUMNS[:3],
    Column("set", "set"),
    Column("remove", "remove"),
    Column("clamp", "clamp"),
    Column("model", "model"),
    *COLUMNS[4:],
    Column("template versions", "template_versions"),
    Column("note", "note"),
)
VERSIONS = (
    Column("version", "version", right=True),
    Column("time", "created_at", moment),
    Column("by", "created_by"),
    Column("matches", "rule.match", _match),
    Column("does", "does"),
    Column("share", "rule.share", _percent, right=True),
)


class RuleFlags(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule says, as flags."""

    project: Annotated[str | None, typer.Option(help="Only calls of this project.")] = None
    template: Annotated[
        str | None, typer.Option(help="Only calls made of this prompt of your code, `path:symbol`.")
    ] = None
    model: Annotated[
        str | None, typer.Option(help="Only calls that ask for this model; `*` at the end for a beginning.")
    ] = None
    tag: Annotated[str | None, typer.Option(help="Only calls with this tag.")] = None
    header: Annotated[list[str], typer.Option(help="Only calls with this header, NAME=VALUE; repeat.")] = []
    set: Annotated[
        list[str], typer.Option(help="Set a parameter, NAME=VALUE such as `temperature=0`; repeat.")
    ] = []
    remove: Annotated[list[str], typer.Option(help="Take a parameter out; repeat.")] = []
    clamp: Annotated[
        list[str],
        typer.Option(help="Keep a number within LEAST..MOST, such as `max_output=..2000`; repeat."),
    ] = []
    replace: Annotated[
        list[str], typer.Option(help="Put a text in the place of another, `OLD => NEW`; repeat.")
    ] = []
    pin: Annotated[str | None, typer.Option(help="Send calls to this alias or provider/model.")] = None
    share: Annotated[str | None, typer.Option(help="The part of its calls, such as `10%`.")] = None
    expires: Annotated[
        str | None, typer.Option(help="When it ends: a time, or a span from now such as `7d`.")
    ] = None
    note: Annotated[str | None, typer.Option(help="Why there is this rule.")] = None

    def body(self) -> Json:
        """Return what is said, as the API takes it."""
        match = {
            "project": self.project,
            "template": self.template,
            "model": self.model,
            "tag": self.tag,
            "headers": dict(_pair(each, "--header") for each in self.header) or None,
        }
        said = {
            "match": {name: value for name, value in match.items() if value is not None} or None,
            "set": {name: _json(value) for name, value in (_pair(each, "--set") for each in self.set)}
            or None,
            "remove": self.remove or None,
            "clamp": {name: _clamp(value) for name, value in (_pair(each, "--clamp") for each in self.clamp)}
            or None,
            "replace": [_replacement(each) for each in self.replace] or None,
            "model": self.pin,
            "share": None if self.share is None else _share(self.share),
            "expires_at": None if self.expires is None else _time(self.expires, "--expires"),
            "note": self.note,
        }
        return {name: value for name, value in said.items() if value is not None}


@app.command("list")
@over_api
def list_rules(api: Api) -> None:
    """List the rules in force, in the order in which they apply: by name."""
    rules = api.client.items("/rules")
    shown = rules if api.out.as_json else [{**rule, "does": _actions(rule)} for rule in rules]
    api.out.rows(
        shown,
        COLUMNS,
        empty="No rules: calls go as they come. `headgate rules set NAME --set temperature=0` makes one.",
    )


@app.command("show")
@over_api
def show(api: Api, name: Name) -> None:
    """Show one rule in full."""
    rule: Json = api.client.get(f"/rules/{name}")
    api.out.item(rule, DETAILS)
    if not api.out.as_json:
        for replacement in rule["replace"]:
            api.out.text(f"\nreplace\n{replacement['old']}\nwith\n{replacement['new']}")


@app.command("set")
@over_api
def set_rule(
    api: Api,
    flags: RuleFlags,
    name: Annotated[str | None, typer.Argument(help="The rule's name; a file may have it.")] = None,
    file: File = None,
) -> None:
    """Make a rule, or put this one in the place of that of its name; in force when the command ends."""
    name, body = _said(name, file, flags)
    if name is None:
        raise CommandFailed("the rule has no name", "write it after `set`, or as `name` in the file")
    if any(rule["name"] == name for rule in api.client.items("/rules")):
        done, verb = api.client.ask("PUT", f"{PREFIX}/rules/{name}", body=body), "changed"
    else:
        done, verb = api.client.post("/rules", {"name": name, **body}), "made"
    if api.out.as_json:
        api.out.json(done)
        return
    api.out.say(f"rule {name} is {verb}: version {done['version']}")
    for late in done["not_acknowledged"]:
        api.out.say(f"gateway {late} does not apply it yet")


@app.command("delete")
@over_api
def delete(api: Api, name: Name) -> None:
    """Delete a rule; its history stays."""
    api.client.delete(f"/rules/{name}")
    if api.out.as_json:
        api.out.json({"name": name, "deleted": True})
    else:
        api.out.say(f"rule {name} is deleted")


@app.command("history")
@over_api
def history(
    api: Api,
    name: Name,
    limit: Annotated[int, typer.Option(help="At most so many, newest first.")] = 20,
) -> None:
    """List the versions that a rule has had, also of one that is deleted."""
    versions = api.client.items(f"/rules/{name}/versions", limit=limit)
    if not api.out.as_json:
        versions = [
            {**each, "does": _actions(each["rule"]) if each["rule"] else ["deleted"]} for each in versions
        ]
    api.out.rows(versions, VERSIONS, empty="")


@app.command("test")
@over_api
def test(
    api: Api,
    flags: RuleFlags,
    name: Annotated[
        str | None, typer.Argument(help="A rule in force; with flags or a file, that one is tried.")
    ] = None,
    file: File = None,
    *,
    since: Annotated[str, typer.Option(help="From when on: a time, or a span such as `24h`.")] = "24h",
    limit: Annotated[int, typer.Option(help="How many calls, the newest first; 5000 at most.")] = 500,
) -> None:
    """Run a rule over recorded traffic and say what would change; nothing is sent."""
    said_name, body = _said(name, file, flags)
    if said_name is None and not body:
        raise CommandFailed(
            "no rule is said", "name one that is in force, or write one with flags or -f FILE"
        )
    asked: Json = {"since": _time(since, "--since", back=True), "limit": limit}
    asked |= {part: value for part, value in (("name", said_name), ("rule", body)) if value}
    found: Json = api.client.post("/rules/test", asked)
    if api.out.as_json:
        api.out.json(found)
    else:
        _show_test(api, found)


FIELDS = (
    Column("field", "field"),
    Column("calls", "calls", right=True),
    Column("before", "before"),
    Column("after", "after"),
)
REASONS = (Column("calls", "calls", right=True), Column("reason", "reason"))


def _show_test(api: Api, found: Json) -> None:
    out = api.out
    more = "; there are more" if found["more"] else ""
    out.text(
        f"{found['calls']} calls since {moment(found['begin'])}{more}: "
        f"{found['matched']} match, {found['changed']} would change"
    )
    if found["unreadable"]:
        out.text(f"{found['unreadable']} have no whole body on record and were not looked at")
    if found["headers_taken_to_fit"]:
        out.text("headers are not on record: they are taken to fit")
    rows = [
        {
            "field": field["field"] if index == 0 else " ",
            "calls": field["calls"] if index == 0 else " ",
            "before": _side(example["before"]),
            "after": _side(example["after"]),
        }
        for field in found["fields"]
        for index, example in enumerate(field["examples"])
    ]
    for title, table, columns in (
        ("", rows, FIELDS),
        ("\nwould be refused", found["refused"], REASONS),
        ("\nleft alone", found["left_alone"], REASONS),
    ):
        if table:
            out.text(title)
            out.rows(table, columns, empty="")
    if found["priced"]:
        out.text(
            f"\nestimated over {found['priced']} calls: {found['input_tokens_before']} -> "
            f"{found['input_tokens_after']} tokens in, {found['output_tokens_before']} -> "
            f"{found['output_tokens_after']} out, {usd(found['cost_before_usd'])} -> "
            f"{usd(found['cost_after_usd'])} ({usd(found['difference_usd'])})"
        )


def _side(value: Any) -> str:
    if value is None:
        return NOTHING
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else text[:59] + "…"


def _said(name: str | None, file: Path | None, flags: RuleFlags) -> tuple[str | None, Json]:
    """The rule's name and what it says: of a file, with flags in the place of its parts."""
    body = flags.body()
    if file is None:
        return name, body
    read = _read(file)
    named = read.pop("name", None)
    if named is not None and name is not None and named != name:
        raise CommandFailed(f"{file} has the rule {named!r}, not {name!r}", "leave one of the names out")
    return name or named, {**read, **body}


def _read(file: Path) -> Json:
    try:
        read = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{file} can't be read: {error}", "name a TOML file that holds a rule") from error
    except tomllib.TOMLDecodeError as error:
        raise CommandFailed(f"{file} is no TOML: {error}", "correct the line that is named") from error
    expires = read.get("expires_at")
    if isinstance(expires, datetime):
        read["expires_at"] = (expires if expires.tzinfo else expires.replace(tzinfo=UTC)).isoformat()
    return read


def _pair(text: str, flag: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise CommandFailed(f"{flag} {text!r} has no value", f"write {flag} NAME=VALUE")
    return name.strip(), value.strip()


def _json(text: str) -> Any:
    """JSON where it is JSON, else the text itself."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _clamp(text: str) -> Json:
    least, dots, most = text.partition("..")
    try:
        sides = {"least": least, "most": most}
        found = {side: float(value) for side, value in sides.items() if value.strip()}
    except ValueError:
        found = {}
    if not dots or not found:
        raise CommandFailed(
            f"{text!r} is no range",
            "write LEAST..MOST, such as `--clamp temperature=0..1` or `max_output=..2000`",
        )
    return found


def _replacement(text: str) -> Json:
    old, arrow, new = text.partition(" => ")
    if not arrow or not old:
        raise CommandFailed(
            f"--replace {text!r} does not say what for what",
            "write `OLD => NEW`; longer texts go into a file",
        )
    return {"old": old, "new": new}


def _share(text: str) -> float:
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        raise CommandFailed(f"--share {text!r} is no share", "write such as `10%` or `0.1`") from None
    return number / 100 if text.endswith("%") else number


def _time(text: str, flag: str, *, back: bool = False) -> str:
    """A time as it was given, or a span from now on (or back)."""
    span = _SPAN.fullmatch(text)
    if span is None:
        if text[:4].isdigit():
            return text
        raise CommandFailed(
            f"{flag} {text!r} is no time", "write a span such as `24h` or `7d`, or 2026-12-01T00:00:00Z"
        )
    seconds = timedelta(seconds=int(span[1]) * UNITS_S[span[2]])
    return (datetime.now(UTC) + (-seconds if back else seconds)).isoformat()
