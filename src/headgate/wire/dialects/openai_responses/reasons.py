"""Why a response of OpenAI's Responses API ends (23). Pure. Read next: `answers`, `streams_in`."""

from typing import Final, cast

from headgate.core.chat import Fields, Finish, FinishReason

_INCOMPLETE: Final[dict[str, FinishReason]] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
}


def finish_of(fields: Fields, *, has_calls: bool, has_refusal: bool) -> Finish | None:
    """Why a response ended; None for one that has not (23)."""
    status = fields.get("status")
    match status:
        case "completed" | "complete" | None:
            reason: FinishReason = "tool_calls" if has_calls else "refusal" if has_refusal else "stop"
            return Finish(reason=reason, native=cast("str", status or ""))
        case "incomplete":
            details = fields.get("incomplete_details")
            said = cast("Fields", details).get("reason") if isinstance(details, dict) else None
            native = said if isinstance(said, str) else "incomplete"
            return Finish(reason=_INCOMPLETE.get(native, "pause"), native=native)
        case "failed" | "cancelled":
            return Finish(reason="error", native=cast("str", status))
        case _:
            return None
