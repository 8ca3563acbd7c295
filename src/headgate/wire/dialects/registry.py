"""Every dialect's codec by its name. The one module that knows all of them. Read next: `wire.translating`."""

from typing import Final

from headgate.core.call import AnyDialect
from headgate.wire.dialects.model import Codec

CODECS: Final[dict[AnyDialect, Codec]] = {}


def codec_of(dialect: AnyDialect) -> Codec | None:
    """Return a dialect's codec; None for the plain rest of OpenAI's API, which is passed through only."""
    return CODECS.get(dialect)
