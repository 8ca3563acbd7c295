"""A scan's report as one HTML page, which loads nothing and runs nothing.

Everything that stands in code is written as text. Read next: `scan_sections`.
"""

import html
import re
from collections.abc import Iterator
from typing import Any

from headgate.cli.output import Column
from headgate.cli.scan_sections import Section, Survey, cut, sections, summary


def page(survey: Survey) -> str:
    """Write a report as a page."""
    parts = sections(survey)
    scan = survey.scan
    facts = [
        ("prompts", len(scan.prompts)),
        ("parameters", len(scan.parameters)),
        ("models", len({each.model for each in scan.models})),
        ("retired models", len({each.model for each in scan.models if each.state == "retired"})),
        ("keys left in code", len(scan.keys)),
    ]
    cards = "".join(f"<div><strong>{number:,}</strong><span>{name}</span></div>" for name, number in facts)
    head = (
        f"<header><h1>{html.escape(survey.path)}</h1><div class=facts>{cards}</div>"
        f"<p>{html.escape(summary(survey))}</p></header>"
    )
    return PAGE.replace("BODY", "\n".join([head, *(_section(part) for part in parts)]))


def _section(part: Section) -> str:
    if not part.rows:
        return f"<section><h2>{part.title}</h2><p class=none>{html.escape(part.empty)}</p></section>"
    columns = part.columns
    if part.by_file:
        columns = (Column("line", "line", right=True), *columns[1:])
    head = "".join(
        f"<th{' class=number' if column.right else ''}>{html.escape(column.title)}</th>" for column in columns
    )
    body = "".join(_rows(part, columns))
    return (
        f"<section><h2>{part.title} <small>{len(part.rows):,}</small></h2>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></section>"
    )


def _rows(part: Section, columns: tuple[Column, ...]) -> Iterator[str]:
    path = ""
    for row in part.rows:
        if part.by_file and row["path"] != path:
            path = row["path"]
            yield f"<tr class=file><th colspan={len(columns)}>{html.escape(path)}</th></tr>"
        cells = "".join(_cell(column, row) for column in columns)
        yield f"<tr{_class(row)}>{cells}</tr>"


def _class(row: dict[str, Any]) -> str:
    state = str(row.get("state", ""))
    return f" class={state}" if state in ("retired", "retiring", "dated") else ""


def _cell(column: Column, row: dict[str, Any]) -> str:
    if column.path == "short":
        shown = html.escape(cut(" ".join(row["text"].split()), PREVIEW_LENGTH_MAX))
        about = "; ".join(each for each in (row["kind"], row["why"]) if each)
        was = f"; was {row['was']}" if row.get("was") else ""
        return (
            f"<td class=text><details><summary>{shown}</summary><pre>{html.escape(row['text'])}</pre>"
            f"<p>{html.escape(about + was)}; version {row['version']}</p></details></td>"
        )
    shown = html.escape(column.text(row))
    if column.path in ("symbol", "name", "model"):
        # A long name may break after a dot, a bracket or an underscore.
        breakable = re.sub(r"([._\]])", r"\1<wbr>", shown)
        return f"<td class=name>{breakable}</td>"
    return f"<td class={CLASSES.get(column.path, 'plain')}>{shown}</td>"


PREVIEW_LENGTH_MAX = 110
CLASSES = {
    "where": "place", "since": "place", "version": "place", "first": "place", "first_commit": "place",
    "last_commit": "place", "line": "line", "versions": "number", "count": "number", "holes": "holes",
}  # fmt: skip

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>headgate scan</title><style>
:root { color-scheme: light dark;
  --line: #8883; --quiet: #777; --mark: #2563eb; --bad: #dc2626; --soon: #b45309 }
@media (prefers-color-scheme: dark) {
  :root { --quiet: #999; --mark: #7aa2ff; --bad: #ff7b72; --soon: #e3b341 }
}
body { font: 14px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 90rem; padding: 2rem }
h1 { font-size: 1.5rem; margin: 0 0 1rem } h2 { font-size: 1.1rem; margin: 2.5rem 0 .5rem }
h2 small { color: var(--quiet); font-weight: normal } header p, .none { color: var(--quiet) }
.facts { display: flex; flex-wrap: wrap; gap: 1rem }
.facts div { border: 1px solid var(--line); border-radius: .5rem; min-width: 7rem; padding: .6rem 1rem }
.facts strong { display: block; font-size: 1.5rem; line-height: 1.2 } .facts span { color: var(--quiet) }
table { border-collapse: collapse; width: 100% }
th { border-bottom: 2px solid var(--line); color: var(--quiet); font-weight: 600 }
th, td { padding: .35rem 1rem .35rem 0; text-align: left; vertical-align: top }
td { border-bottom: 1px solid var(--line) } .number { text-align: right }
.place, .line { color: var(--quiet); font-family: ui-monospace, monospace; font-size: 12px }
.place { white-space: nowrap } .line { text-align: right; width: 3rem }
.name { font-family: ui-monospace, monospace; font-size: 13px; max-width: 26rem }
.holes { color: var(--quiet); max-width: 14rem; overflow-wrap: anywhere } .text { width: 45% }
.file th { color: inherit; font-family: ui-monospace, monospace; font-size: 13px; padding-top: 1.2rem }
summary { cursor: pointer } details[open] summary { color: var(--mark) }
pre { background: #8881; border-radius: .4rem; padding: .8rem }
pre { overflow-wrap: anywhere; white-space: pre-wrap }
details p { color: var(--quiet); font-size: 12px; margin: 0 }
.retired .plain { color: var(--bad); font-weight: 600 }
.retiring .plain { color: var(--soon); font-weight: 600 }
</style></head><body>
BODY
</body></html>
"""
