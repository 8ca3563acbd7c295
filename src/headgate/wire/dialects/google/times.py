"""When an answer was made, as Google writes it. Pure."""

from datetime import datetime

from headgate.wire.dialects.google.spelling import Members


def created_of(members: Members) -> int | None:
    """Take `createTime` as Unix seconds; its text is kept in the node's shape. None for what is no time."""
    value = members.left.get("createTime")
    if not isinstance(value, str) or not value.isascii() or value.split() != [value]:
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            return None
        seconds = int(moment.timestamp())
    except (ValueError, OverflowError):
        return None
    del members.left["createTime"]
    members.flags.append(f"time={value}")
    return seconds
