"""What the attack came to, as a table on a terminal and in Markdown. Pure but for printing."""

from collections.abc import Callable, Sequence

import msgspec
from rich.console import Console
from rich.table import Table

from bench.table import NAMES

NONE = "-"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one who was attacked. `lost`: answers without a record (None: keeps no records here);
    `counted_pico_usd`: what it says was spent (None: does not say); `killed`: gateway processes (None: not
    counted then)."""

    name: str
    version: str
    billed_pico_usd: int
    over_pico_usd: int
    counted_pico_usd: int | None
    calls: int
    answered: int
    refused: int
    hung_up: int
    killed: int | None = None
    lost: int | None
    statuses: dict[str, int]
    notes: tuple[str, ...]


class Attack(msgspec.Struct, frozen=True, kw_only=True):
    """All that were attacked in the same way; `missing`: those that were not, with the reason."""

    date: str
    limit_usd: int
    clients: int
    seconds: float
    outcomes: tuple[Outcome, ...]
    missing: dict[str, str] = {}


def _usd(pico_usd: int | None) -> str:
    return NONE if pico_usd is None else f"{pico_usd / 1e12:,.4f}"


_COLUMNS: Sequence[tuple[str, Callable[[Attack, Outcome], str]]] = (
    ("", lambda _, one: f"{NAMES.get(one.name, one.name).partition(',')[0]} {one.version}"),
    ("billed $", lambda _, one: _usd(one.billed_pico_usd)),
    ("over $", lambda _, one: _usd(one.over_pico_usd)),
    ("over %", lambda attack, one: f"{one.over_pico_usd / attack.limit_usd / 1e10:,.1f}"),
    ("own count $", lambda _, one: _usd(one.counted_pico_usd)),
    ("answered", lambda _, one: f"{one.answered:,}"),
    ("refused", lambda _, one: f"{one.refused:,}"),
    ("hung up", lambda _, one: f"{one.hung_up:,}"),
    ("killed", lambda _, one: NONE if one.killed is None else f"{one.killed:,}"),
    ("lost", lambda _, one: NONE if one.lost is None else f"{one.lost:,}"),
)


def _said(attack: Attack) -> str:
    return (
        f"{attack.date}: a limit of {attack.limit_usd} USD, {attack.clients} clients in a loop for "
        f"{attack.seconds:.0f} s, a tenth of their calls hung up on, gateway processes killed (killed says "
        "how many), the store stopped for a seventh of the time. Billed is what the stand-in provider says: "
        "every call that reached it; own count, what the gateway says. Lost: answers that a client saw, of "
        "which the gateway has no record."
    )


def print_table(attack: Attack, console: Console) -> None:
    """Show it on a terminal, with what each was configured with."""
    table = Table(title="Try to overspend")
    for at, (head, _) in enumerate(_COLUMNS):
        table.add_column(head, justify="right" if at else "left")
    for outcome in attack.outcomes:
        cells = [cell(attack, outcome) for _, cell in _COLUMNS]
        cells[2] = f"[{'red' if outcome.over_pico_usd else 'green'}]{cells[2]}[/]"
        table.add_row(*cells)
    console.print(table)
    console.print(_said(attack))
    for note in _notes(attack):
        console.print(note)


def markdown(attack: Attack) -> str:
    """The same for README.md."""
    lines = ["| " + " | ".join(head for head, _ in _COLUMNS) + " |"]
    lines.append("|---" + "|---:" * (len(_COLUMNS) - 1) + "|")
    lines += ["| " + " | ".join(cell(attack, one) for _, cell in _COLUMNS) + " |" for one in attack.outcomes]
    lines += ["", _said(attack), ""]
    return "\n".join([*lines, *(f"- {note}" for note in _notes(attack))])


def _notes(attack: Attack) -> list[str]:
    said = [(outcome.name, note) for outcome in attack.outcomes for note in outcome.notes]
    said += [(name, f"left out: {reason}") for name, reason in attack.missing.items()]
    return [f"{NAMES.get(name, name).partition(',')[0]}: {note}." for name, note in said]
