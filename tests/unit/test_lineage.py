"""Lineage: which text of one step stands in another's input, on traces whose truth is known."""

import json
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lineage_chains import Writer, chain, messages

from headgate.core.call import Usage
from headgate.traces.lineage.model import Edge, Lineage, Step, Text
from headgate.traces.lineage.texts import Fields, step_of, with_texts
from headgate.traces.lineage.tracing import follow, lineage
from headgate.traces.lineage.words import words_of
from headgate.traces.model import Span

DOCUMENT = (
    "The lease of a gateway lasts two seconds.\nA gateway that stops gives it back, and one that "
    'dies is found by its journal; "never by a timeout", says the manual of 2026.'
)


def step(name: str, at: int, *, end: int = 0, kind: str = "llm", parent: str = "root", **fields: str) -> Step:
    made = Step(id=name, parent=parent, kind=kind, start_us=at, end_us=end or at + 5)
    return with_texts(made, Fields(**fields))


def root(**fields: str) -> Step:
    return step("root", 0, end=1000, kind="agent", parent="", **fields)


def retrieved(*texts: str, name: str = "r", at: int = 10) -> Step:
    documents = [{"id": f"d{place}", "content": text} for place, text in enumerate(texts)]
    return step(name, at, kind="retriever", documents=json.dumps(documents))


def pairs(found: Lineage) -> set[tuple[str, str]]:
    return {(edge.from_span, edge.to_span) for edge in found.edges}


def only(found: Lineage, source: str, target: str) -> Edge:
    edges = [edge for edge in found.edges if (edge.from_span, edge.to_span) == (source, target)]
    assert len(edges) == 1, found.edges
    return edges[0]


WAYS = {
    "as it is": DOCUMENT,
    "wrapped anew": DOCUMENT.replace(" ", "\n   "),
    "in JSON": json.dumps({"text": DOCUMENT}),
    "in JSON in JSON": json.dumps(json.dumps({"text": DOCUMENT})),
    "quoted": "> " + DOCUMENT.replace("\n", "\n> "),
    "in HTML": DOCUMENT.replace('"', "&quot;"),
    "upper case": DOCUMENT.upper(),
    "cut at the end": DOCUMENT[:80],
    "cut at the start": DOCUMENT[60:],
    "in a template": f"Use only this context:\n---\n{DOCUMENT}\n---\nHow long does a lease last?",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_document_is_found_in_a_prompt_however_it_got_there(way: str) -> None:
    found = lineage([root(), retrieved(DOCUMENT), step("m", 50, input=messages(("user", WAYS[way])))])
    edge = only(found, "r", "m")
    assert (edge.from_part, edge.to_part, edge.how) == (
        "/documents/0/content",
        "/input/0/parts/0/content",
        "content",
    )
    assert edge.share_of_source > 0.4
    if not way.startswith("cut"):
        assert edge.share_of_source > 0.97


def test_what_is_quoted_in_parts_gives_a_fragment_for_each() -> None:
    first, _, second = DOCUMENT.partition("\n")
    said = f"{second}\nOn the other hand it says elsewhere: {first}"
    found = lineage([root(), retrieved(DOCUMENT), step("m", 50, input=messages(("user", said)))])
    edge = only(found, "r", "m")
    shown = [(DOCUMENT[f.from_start : f.from_end], said[f.to_start : f.to_end]) for f in edge.fragments]
    assert shown == [(second.rstrip("."), second.rstrip(".")), (first.rstrip("."), first.rstrip("."))]


def test_a_few_words_in_common_are_no_lineage() -> None:
    said = "A gateway that stops gives it the rest, says the manual of something else"
    assert not lineage([root(), retrieved(DOCUMENT), step("m", 50, input=messages(("user", said)))]).edges


def test_numbers_in_a_row_are_no_lineage_but_a_short_whole_answer_is() -> None:
    numbers = "1 2 3 4 5 6 7 8 9 10"
    assert not lineage(
        [root(), retrieved(numbers + " 11"), step("m", 50, input=messages(("user", numbers)))]
    ).edges
    short = "The capital of France is Paris."
    answered = step("a", 10, output=messages(("assistant", short)))
    asked = step("b", 50, input=messages(("user", f"Is this right? {short}")))
    assert pairs(lineage([root(), answered, asked])) == {("a", "b")}


def test_nothing_comes_from_what_was_not_there_yet() -> None:
    late = retrieved(DOCUMENT, at=60)
    assert not lineage([root(), late, step("m", 50, input=messages(("user", DOCUMENT)))]).edges


def test_boilerplate_is_credited_to_the_nearest_source_only() -> None:
    notice = "This text is licensed to its readers under the terms that stand on the last page of it."
    first, second = retrieved(notice, name="r1", at=10), retrieved(notice, name="r2", at=20)
    found = lineage([root(), first, second, step("m", 50, input=messages(("user", notice)))])
    assert pairs(found) == {("r2", "m")}


def test_a_longer_stretch_wins_over_a_nearer_one() -> None:
    notice = "This text is licensed to its readers under the terms that stand on the last page of it."
    whole, part = retrieved(f"{DOCUMENT}\n{notice}", name="r1", at=10), retrieved(notice, name="r2", at=20)
    found = lineage([root(), whole, part, step("m", 50, input=messages(("user", f"{DOCUMENT} {notice}")))])
    assert pairs(found) == {("r1", "m")}


def test_who_made_a_text_is_credited_and_not_who_passed_it_on() -> None:
    around = step("chain", 5, end=40, kind="workflow", output=json.dumps(DOCUMENT))
    within = inside(retrieved(DOCUMENT), "chain")
    found = lineage([root(), around, within, step("m", 50, input=messages(("user", DOCUMENT)))])
    assert pairs(found) == {("r", "m"), ("r", "chain")}


def inside(made: Step, parent: str) -> Step:
    return msgspec.structs.replace(made, parent=parent)


def test_an_answer_is_followed_back_to_its_document_and_question() -> None:
    question = "How long does the lease of a gateway last, and who gives it back when it stops?"
    steps = [
        root(input=json.dumps(question), output=json.dumps("It lasts two seconds. " + DOCUMENT[:41])),
        retrieved(DOCUMENT),
        step("unread", 20, kind="tool", output=json.dumps("nothing to do with all of this, at any rate")),
        step(
            "m",
            50,
            input=messages(("system", "Be brief."), ("user", f"{question}\n\n{DOCUMENT}")),
            output=messages(("assistant", "It lasts two seconds. " + DOCUMENT[:41])),
        ),
        step("other", 600, input=messages(("user", DOCUMENT))),
    ]
    whole = lineage(steps)
    back = follow(whole, "root")
    assert {("m", "root"), ("r", "m"), ("root", "m")} <= pairs(back)
    assert "other" not in {edge.to_span for edge in back.edges}
    output = [edge for edge in whole.edges if edge.to_part.startswith("/output") and edge.to_span == "m"]
    assert [edge.from_span for edge in output] == ["r"]


def test_history_keeps_its_first_source_and_is_marked() -> None:
    answer = "The lease lasts for two seconds and is given back by its holder or by its journal."
    steps = [
        root(),
        step("m1", 10, input=messages(("user", "How?")), output=messages(("assistant", answer))),
        step("m2", 20, input=messages(("user", "How?"), ("assistant", answer), ("user", "And then?"))),
        step("m3", 30, input=messages(("user", "How?"), ("assistant", answer), ("user", "And at last?"))),
    ]
    found = [(edge.from_span, edge.to_span, edge.repeated) for edge in lineage(steps).edges]
    assert found == [("m1", "m2", False), ("m1", "m3", True)]


def test_short_results_go_by_the_ids_of_calls() -> None:
    call = {"type": "tool_call", "id": "c1", "name": "add", "arguments": {"a": 1}}
    result = {"type": "tool_call_response", "id": "c1", "result": "42"}
    steps = [
        root(),
        step("m1", 10, output=json.dumps([{"role": "assistant", "parts": [call]}])),
        step("t", 20, kind="tool", output='"42"', attributes='{"gen_ai.tool.call.id": "c1"}'),
        step("m2", 30, input=json.dumps([{"role": "tool", "parts": [result]}])),
    ]
    found = {(edge.from_span, edge.to_span, edge.how) for edge in lineage(steps).edges}
    assert found == {("m1", "t", "structure"), ("t", "m2", "structure")}


def test_a_tool_without_the_id_of_its_call_is_found_by_its_name() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    result = {"role": "tool", "tool_call_id": "c1", "content": "42"}
    tool = Step(id="t", parent="root", kind="tool", tool="add", start_us=20, end_us=25)
    steps = [
        root(),
        step("m1", 10, output=json.dumps([{"role": "assistant", "tool_calls": [call]}])),
        with_texts(tool, Fields(output="42")),
        step("m2", 30, input=json.dumps([result])),
    ]
    assert pairs(lineage(steps)) == {("m1", "t"), ("t", "m2")}


def test_response_ids_links_and_lone_children_say_where_short_answers_went() -> None:
    first = Step(id="a", parent="root", kind="llm", start_us=10, end_us=15, response_id="resp-1")
    steps = [
        root(output='"yes"'),
        with_texts(first, Fields(output=messages(("assistant", "yes")))),
        step("b", 20, input='"go on"', parameters='{"previous_response_id": "resp-1"}', output='"yes"'),
        step("c", 30, input='"and"', links='[{"trace_id": "00", "span_id": "b"}]', output='"yes"'),
    ]
    found = {(edge.from_span, edge.to_span, edge.how) for edge in lineage(steps).edges}
    assert found == {("a", "b", "structure"), ("b", "c", "structure"), ("c", "root", "structure")}


def test_the_shares_of_a_context_name_every_source() -> None:
    question = "How long does the lease of a gateway last, and who gives it back when it stops?"
    usage = Usage(input=80, cache_read=20)
    span = Span(
        trace_id=b"t" * 16,
        span_id=b"\0" * 7 + b"\1",
        parent_id=b"",
        name="chat",
        kind="llm",
        start_ns=50_000,
        end_ns=60_000,
        usage=usage,
        system=json.dumps([{"type": "text", "content": "Answer from the context alone."}]),
        input=messages(("user", f"{question}\n\n{DOCUMENT}"), ("assistant", "I see."), ("user", "So?")),
    )
    model = inside(step_of(span), "root")
    found = lineage([root(input=json.dumps(question)), retrieved(DOCUMENT), model])
    (context,) = found.contexts
    assert context.input_tokens == 100
    shares = {share.source: share for share in context.shares}
    assert set(shares) == {"system", "variable", "document", "history", "unknown"}
    assert shares["document"].name == "d0"
    assert shares["document"].share > shares["variable"].share > shares["history"].share
    assert sum(share.characters for share in context.shares) == context.characters
    assert sum(share.tokens_estimated or 0 for share in context.shares) == pytest.approx(100)


def test_a_template_and_its_variables_are_told_apart() -> None:
    template = (
        "You are a helpful clerk of the house. Answer from this context and nothing else: {context} End."
    )
    attributes = json.dumps(
        {
            "llm.prompt_template.template": template,
            "llm.prompt_template.variables": json.dumps({"context": DOCUMENT}),
        }
    )
    made = step(
        "m", 50, input=messages(("user", template.replace("{context}", DOCUMENT))), attributes=attributes
    )
    (context,) = lineage([root(), made]).contexts
    shares = {share.source: share.share for share in context.shares}
    assert shares["variable"] > 0.6
    assert shares["prompt"] > 0.2


def test_rings_of_parents_and_parents_that_are_missing_are_roots() -> None:
    one, two = step("a", 10, parent="b", output=json.dumps(DOCUMENT)), step("b", 10, end=90, parent="a")
    lost = step("m", 50, parent="gone", input=json.dumps(DOCUMENT))
    assert pairs(lineage([one, two, lost])) == {("a", "m")}


def test_what_is_too_much_is_left_out_and_said() -> None:
    steps = [root(), retrieved(DOCUMENT), step("m", 50, input=messages(("user", DOCUMENT)))]
    small = lineage(steps, characters_max=50)
    assert small.left_out.texts >= 1
    assert small.left_out.characters >= len(DOCUMENT)
    assert not small.edges
    none = lineage(steps, edges_max=0)
    assert (none.edges, none.left_out.edges) == ([], 1)


def test_repetitive_text_takes_no_longer_than_it_is() -> None:
    again = "the same line again and again " * 4000
    found = lineage([root(), retrieved(again), step("m", 50, input=messages(("user", "x " + again + " y")))])
    assert only(found, "r", "m").share_of_input > 0.99


WORDS = st.lists(
    st.sampled_from(["one", "Two", "drei", "é", "n", "\\n", '"', "\\u00e9", "語", "x" * 70, "&quot;"])
)


@given(st.lists(st.tuples(WORDS, st.integers(0, 3), st.booleans()), min_size=2, max_size=6), st.data())
@settings(max_examples=200)
def test_every_fragment_is_the_same_words_and_no_edge_goes_back_in_time(
    drawn: Sequence[tuple[list[str], int, bool]], data: st.DataObject
) -> None:
    steps: list[Step] = [root()]
    said: list[str] = []
    for place, (words, at, is_model) in enumerate(drawn):
        text = " ".join(words)
        if said:
            text += " " + data.draw(st.sampled_from(said)) + " end"
        said.append(text)
        kind = "llm" if is_model else "tool"
        made = Step(
            id=f"s{place}",
            parent=data.draw(st.sampled_from([one.id for one in steps])),
            kind=kind,
            start_us=at,
            end_us=at + data.draw(st.integers(0, 2)),
            inputs=(Text(part="/input", value=text, kind="message", role="user"),),
            outputs=(Text(part="/output", value=data.draw(st.sampled_from(said))),),
        )
        steps.append(made)
    found = lineage(steps)
    known = {one.id: one for one in steps}
    for edge in found.edges:
        check_edge(edge, known[edge.from_span], known[edge.to_span])
    for context in found.contexts:
        assert sum(share.characters for share in context.shares) == context.characters
        assert sum(share.share for share in context.shares) == pytest.approx(1)


def check_edge(edge: Edge, source: Step, target: Step) -> None:
    source_text = next(
        text.value for text in (*source.inputs, *source.outputs) if text.part == edge.from_part
    )
    target_text = next(text.value for text in (*target.inputs, *target.outputs) if text.part == edge.to_part)
    from_us = source.start_us if edge.from_part == "/input" else source.end_us
    to_us = target.start_us if edge.to_part == "/input" else target.end_us
    assert from_us <= to_us
    assert 0 <= edge.share_of_source <= 1
    assert 0 <= edge.share_of_input <= 1
    reached = 0
    for fragment in edge.fragments:
        assert reached <= fragment.to_start
        reached = fragment.to_end
        ours = source_text[fragment.from_start : fragment.from_end]
        theirs = target_text[fragment.to_start : fragment.to_end]
        assert words_of(ours) == words_of(theirs) != []


def test_made_chains_are_found_with_few_errors() -> None:
    """Precision and recall of (source step, step) on 60 made traces with edits."""
    right = found = true = 0
    for seed in range(60):
        made = chain(seed)
        got = {
            (edge.from_span, edge.to_span)
            for edge in lineage(made.steps).edges
            if edge.to_part.startswith("/input")
        }
        right += len(got & made.truth)
        found += len(got)
        true += len(made.truth)
    assert true > 700
    assert right / found >= 0.99, (right, found, true)
    assert right / true >= 0.99, (right, found, true)


def test_an_answer_that_sums_up_is_followed_by_what_it_quotes() -> None:
    writer = Writer(5)
    text = writer.text(150)
    quoted = " ".join(text.split()[20:60])
    steps = [
        root(),
        retrieved(text),
        step(
            "m",
            50,
            input=messages(("user", text)),
            output=messages(("assistant", f"In short: {quoted} and that is all.")),
        ),
    ]
    edges = [edge for edge in lineage(steps).edges if edge.to_part.startswith("/output")]
    assert [(edge.from_span, edge.to_span) for edge in edges] == [("r", "m")]
