"""Which buckets of a usage are tokens that went in, and which came out."""

import msgspec

from headgate.core.call import TOKENS_IN, TOKENS_OUT, Usage


def test_every_bucket_is_in_one_sum() -> None:
    names = [field.name for field in msgspec.structs.fields(Usage) if field.name != "units"]
    assert sorted((*TOKENS_IN, *TOKENS_OUT)) == sorted(names)
    usage = Usage(**{name: 10**place for place, name in enumerate(names)})
    assert usage.total_input == sum(getattr(usage, name) for name in TOKENS_IN)
    assert usage.total_output == sum(getattr(usage, name) for name in TOKENS_OUT)
