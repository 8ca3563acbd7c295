"""What a target takes of a chat call, as facts: dialects are written by these, never by a provider's name.

Pure data; `catalog.profiles` makes one for each target from its data files. Every default is what most do.
"""

from typing import Literal

import msgspec

SamplingName = Literal[
    "temperature",
    "top_p",
    "top_k",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "stop",
    "logprobs",
    "logit_bias",
]

MediaKind = Literal["image", "audio", "video", "file"]


class Quirks(msgspec.Struct, frozen=True, kw_only=True):
    """What one model at one provider takes, and in which form. Numbers in brackets are those of the traps
    in `docs/design/005-translation.md`."""

    maker: str = ""
    """Whose seals it takes back (33 to 35), such as `dialect:provider`; empty: those of its dialect."""

    # Limits and sampling.
    output_limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_completion_tokens"
    """Which member of OpenAI's chat completions limits the output (39)."""
    output_limit_default: int | None = None
    """What is asked for where the call names no limit and the dialect requires one (39)."""
    temperature_max: float | None = None
    """The highest temperature that is taken (40); None: whatever the dialect allows."""
    refused_sampling: frozenset[SamplingName] = frozenset()
    """Settings that the model answers with an error (40, 43)."""
    refused_when_thinking: frozenset[SamplingName] = frozenset()
    """Settings that it answers with an error while it thinks (38); `wire.translating` adds them then."""
    thinks_unasked: bool = False
    """It thinks where the call leaves that open."""
    is_one_of_temperature_and_top_p: bool = False
    top_k_field: str = "top_k"
    """Where Bedrock passes `top_k` on to the model, as a path of dots."""
    cache_ttls: tuple[str, ...] = ()
    """For how long a cache mark may hold, from the shortest on; empty: whatever a call says (48)."""
    choices_max: int | None = None
    """How many candidates a call may ask for (43); None: any number."""

    # Messages.
    has_developer_role: bool = True
    has_system_role: bool = True
    """Without it, the system prompt opens the first user turn (41)."""
    is_system_first: bool = False
    """System messages stand only before all others (41)."""
    takes_system_after_user: bool = False
    """But for those directly after a user's turn, which stay where they are (41)."""
    is_alternating: bool = False
    """User and assistant take turns, beginning with the user; system messages stand before them (42)."""
    takes_prefill: bool = True
    """Whether the last message may be the assistant's (42)."""
    takes_image_urls: bool = True
    takes_file_data: bool = True
    takes_s3_addresses: bool = True
    """Whether Bedrock reads media of the model's from `s3://` (45)."""
    takes_audio: bool = True

    # Tools.
    tool_ids: Literal["any", "word", "nine"] = "any"
    """Which ids it takes (24): at most 40 characters; of `[a-zA-Z0-9_-]`; or nine alphanumerics."""
    tool_name_length_max: int = 64
    takes_user_after_tool: bool = True
    """Where not, an assistant's turn is put between (27)."""
    takes_parallel_calls: bool = True
    """Several calls in one turn; where not, each stands in a turn with its result after it (25)."""
    are_results_alone: bool = False
    """Results stand in a turn of their own (26)."""
    takes_media_in_results: bool = False
    """Images in a tool's result (32)."""
    refused_in_results: frozenset[MediaKind] = frozenset()
    """But for media of these kinds."""
    takes_result_errors: bool = True
    """A mark that a tool failed (31)."""
    takes_forced_tool: bool = True
    takes_forced_tool_with_thinking: bool = True
    takes_no_tool_choice: bool = True
    """`tool_choice: none`; where not, the tools are left out (28)."""
    takes_parallel_flag: bool = True
    needs_declared_tools: bool = True
    """A history with calls of tools is refused where no tool is declared (29); to declare them is safe."""

    # Counting of tokens.
    wraps_counted_call: bool = True
    """Google's counting takes a whole call as one member; where not, the call's own members."""

    # Output and reasoning.
    schema: Literal["native", "tool", "instruction"] = "native"
    """How a JSON schema is enforced (44)."""
    schema_subset: Literal["full", "openapi", "openai-strict"] = "full"
    thinking: Literal["effort", "budget", "level", "adaptive", "none"] = "effort"
    """By what it is told how much to think (38)."""
    efforts: tuple[str, ...] = ()
    """The efforts or levels that it takes, from the least on (38); empty: not known."""
    thinking_budget_min: int = 1024
    wants_reasoning_back: bool = False
    """A turn that calls tools must bring its reasoning along (36)."""


PLAIN = Quirks()
"""A target of which nothing special is known."""
