"""`headgate datasets`: cases to check with, kept on the server in versions.

Files are read when a command runs. Read next: `dataset_files`, `headgate.datasets.http`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

import msgspec
import typer

from headgate.cli.client import Json
from headgate.cli.command import Api, over_api
from headgate.cli.failure import CommandFailed
from headgate.cli.output import Column, moment

app = typer.Typer(no_args_is_help=True, help="Keep cases to check with.")

COLUMNS = (
    Column("dataset", "name"),
    Column("project", "project"),
    Column("version", "version", right=True),
    Column("cases", "cases", right=True),
    Column("changed", "changed_at", moment),
    Column("digest", "digest", lambda value: str(value)[:12]),
)
VERSIONS = (
    Column("version", "version", right=True),
    Column("cases", "cases", right=True),
    Column("made", "made_at", moment),
    Column("by", "made_by"),
    Column("digest", "digest", lambda value: str(value)[:12]),
)

NameArgument = Annotated[str, typer.Argument(help="The dataset's name.")]
Project = Annotated[str | None, typer.Option(help="The project; by default your key's own.")]
FileArgument = Annotated[Path | None, typer.Argument(help="A .jsonl or .csv file of cases.")]


class FromTraces(msgspec.Struct, frozen=True, kw_only=True):
    """Model calls of traces that others sent, in place of a file."""

    source: Annotated[
        Literal["traces"] | None,
        typer.Option(
            "--from", help="traces: model calls that arrived by OpenTelemetry, by --filter or --trace."
        ),
    ] = None
    filter: Annotated[
        list[str],
        typer.Option(
            help="With --from traces: NAME=VALUE, as `headgate traces` filters (user=anna); repeat."
        ),
    ] = []
    expected: Annotated[
        bool, typer.Option("--expected", help="With --from traces: what was answered is expected.")
    ] = False


class Calls(msgspec.Struct, frozen=True, kw_only=True):
    """Which recorded calls to take cases from, in place of a file."""

    feedback: Annotated[str | None, typer.Option(help="Calls of which this was said, such as thumb.")] = None
    least: Annotated[float | None, typer.Option(help="With --feedback: not below this; yes is 1.")] = None
    most: Annotated[float | None, typer.Option(help="With --feedback: not above this; no is 0.")] = None
    request: Annotated[list[str], typer.Option(help="A request's id; repeat.")] = []
    trace: Annotated[list[str], typer.Option(help="A trace's id; repeat.")] = []
    model: Annotated[str | None, typer.Option(help="Calls for this model or alias.")] = None
    tag: Annotated[str | None, typer.Option(help="Calls with this tag.")] = None
    since: Annotated[str | None, typer.Option(help="Not before, such as 2026-11-21T08:00:00Z.")] = None
    until: Annotated[str | None, typer.Option(help="Before this time.")] = None
    limit: Annotated[int, typer.Option(help="At most so many calls, the newest.")] = 100
    mark: Annotated[list[str], typer.Option(help="A tag that each case gets; repeat.")] = []

    def body(self) -> Json:
        """Return what the API is asked; empty where no calls are named."""
        named = {"feedback": self.feedback, "request_ids": self.request, "trace_ids": self.trace}
        named |= {"model": self.model, "tag": self.tag}
        if not any(named.values()):
            return {}
        more = {"least": self.least, "most": self.most, "since": self.since, "until": self.until}
        told = {name: value for name, value in {**named, **more}.items() if value not in (None, [])}
        return {**told, "limit": self.limit, "tags": self.mark}

    def of_traces(self, told: FromTraces) -> Json:
        """Return what the API is asked of traces. Raises CommandFailed for what names no trace."""
        words = [each.partition("=") for each in told.filter]
        wrong = next((name for name, mark, _ in words if not (name and mark)), None)
        if wrong is not None:
            raise CommandFailed(f"--filter {wrong!r} says no value", "write NAME=VALUE, such as user=anna")
        filters = {name.replace("-", "_"): value for name, _, value in words}
        named = {"model": self.model, "tag": self.tag, "from": self.since, "to": self.until}
        filters |= {name: value for name, value in named.items() if value is not None}
        if self.feedback is not None or self.request:
            raise CommandFailed(
                "--feedback and --request name recorded calls, and no traces",
                "filter traces by score, such as --filter 'score=helpful:false'",
            )
        if not (filters or self.trace):
            raise CommandFailed(
                "name traces",
                "--filter NAME=VALUE as `headgate traces` takes them, --model, --tag or --trace ID",
            )
        return {
            "trace_ids": self.trace,
            "filters": filters,
            "expected": told.expected,
            "limit": self.limit,
            "tags": self.mark,
        }


@app.command("create")
@over_api
def create(api: Api, name: NameArgument, file: FileArgument = None, *, project: Project = None) -> None:
    """Make a dataset, with the cases of a file where one is named."""
    cases = _read(file) if file is not None else None
    made: Json = api.client.ask(
        "POST", "/api/v1/datasets", parameters={"project": project}, body={"name": name}
    )
    if cases is None:
        api.out.item(made, COLUMNS)
    else:
        _added(api, _post(api, f"{name}/cases", {"cases": cases}, project))


@app.command("add")
@over_api
def add(
    api: Api,
    name: NameArgument,
    calls: Calls,
    traces: FromTraces,
    file: FileArgument = None,
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Cases that are not in the file go.")] = False,
    project: Project = None,
) -> None:
    """Add the cases of a file, of recorded calls, or of traces that others sent: a new version."""
    if traces.source is not None:
        if file is not None or replace:
            raise CommandFailed(
                "a file, and --replace, do not go with --from traces", "add the one, then the other"
            )
        _add_spans(api, name, calls.of_traces(traces), project)
        return
    if traces.filter or traces.expected:
        raise CommandFailed(
            "--filter and --expected are of traces, and none are asked for", "add --from traces"
        )
    named = calls.body()
    if (file is None) is (not named):
        raise CommandFailed(
            "name a file, or calls: not both, not neither",
            f"headgate datasets add {name} FILE, or with --feedback, --request, --trace, --model or --tag",
        )
    if file is not None:
        _added(api, _post(api, f"{name}/cases", {"cases": _read(file), "replace": replace}, project))
        return
    taken = _post(api, f"{name}/calls", named, project)
    whole = f"{taken['calls']} calls"
    reasons = {"without_body": "have no body on record", "other_dialects": "are no chat completions"}
    _tell_taken(api, taken, whole, reasons)


def _add_spans(api: Api, name: str, asked: Json, project: str | None) -> None:
    taken = _post(api, f"{name}/traces", asked, project)
    whole = f"{taken['spans']} model calls in {taken['traces']} traces"
    reasons = {
        "without_content": "were sent without their content",
        "cut": "were too long to be kept whole",
        "untold": "ask what OpenAI's chat route can't say",
        "recorded": "went through here: name them by --request, or by --trace without --from",
    }
    _tell_taken(api, taken, whole, reasons)


def _tell_taken(api: Api, taken: Json, whole: str, reasons: Mapping[str, str]) -> None:
    """Say what was added, and how many of the whole were not, and why."""
    if api.out.as_json:
        api.out.json(taken)
        return
    _added(api, taken["added"])
    for name, why in {"repeated": "ask the same as another", **reasons}.items():
        if taken[name]:
            api.out.say(f"{taken[name]} of {whole} {why}")


@app.command("list")
@over_api
def list_datasets(api: Api) -> None:
    """List datasets by name."""
    api.out.rows(
        api.client.items("/datasets"), COLUMNS, empty="No dataset yet; `headgate datasets create NAME FILE`."
    )


@app.command("show")
@over_api
def show(api: Api, name: NameArgument, *, project: Project = None) -> None:
    """Show a dataset and its versions."""
    found: Json = api.client.get(f"/datasets/{quote(name, safe='')}", project=project)
    if api.out.as_json:
        api.out.json(found)
        return
    api.out.item(found["dataset"], COLUMNS)
    api.out.text("")
    api.out.rows(found["versions"], VERSIONS, empty="It has no cases yet.")


@app.command("export")
@over_api
def export(
    api: Api,
    name: Annotated[str, typer.Argument(help="The dataset's name, or NAME@VERSION.")],
    *,
    project: Project = None,
) -> None:
    """Write the cases of a version to standard output, one JSON object a line."""
    name, _, version = name.partition("@")
    path = f"/datasets/{quote(name, safe='')}/cases"
    for case in api.client.items(path, version=version or None, project=project):
        api.out.line(case)


@app.command("delete")
@over_api
def delete(api: Api, name: NameArgument) -> None:
    """Delete a dataset with all its versions."""
    gone: Json = api.client.delete(f"/datasets/{quote(name, safe='')}")
    api.out.say(f"{gone['name']} is deleted, with {gone['version']} versions")


def _read(file: Path) -> list[Json]:
    from headgate.cli.dataset_files import cases_in

    return cases_in(file)


def _post(api: Api, path: str, body: Json, project: str | None) -> Json:
    name, _, rest = path.rpartition("/")
    where = f"/api/v1/datasets/{quote(name, safe='')}/{rest}"
    return api.client.ask("POST", where, parameters={"project": project}, body=body)


def _added(api: Api, added: Json) -> None:
    if api.out.as_json:
        api.out.json(added)
        return
    api.out.say(
        f"{added['name']}@{added['version']} has {added['cases']} cases: {added['added']} new, "
        f"{added['changed']} changed, {added['removed']} gone"
    )
