"""What logs show, and what they never do."""

import json
import logging
import sys

import pytest

from headgate.processes.log import JsonFormatter, LineFormatter, redact

SECRETS = [
    "hg_k1_0123456789abcdefXYZ",
    "sk-proj-0123456789abcdef",
    "sk-ant-api03-0123456789abcdef",
    "AIzaSyA0123456789abcdefghijk",
    "AKIA0123456789ABCDEF",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("around", ["{}", "key={};", "Authorization: Bearer {}", '"api_key": "{}"'])
def test_what_is_shaped_like_a_credential_is_taken_out(secret: str, around: str) -> None:
    assert secret not in redact(around.format(secret))


def test_bearers_query_keys_and_passwords_in_urls_are_taken_out() -> None:
    text = redact("Bearer abcdef123456 GET /v1?key=opaque99&x=1 postgresql://me:hunter22@db/h")
    for secret in ("abcdef123456", "opaque99", "hunter22"):
        assert secret not in text
    assert "&x=1" in text
    assert "@db/h" in text


def test_ordinary_text_stays_as_it_is() -> None:
    text = "gateway 1 ended with status 3; its successor starts in 0.1 s (task-key, disk-0, bearer of news)"
    assert redact(text) == text


def record(message: str, *arguments: object, failing: bool = False) -> logging.LogRecord:
    failure = None
    if failing:
        try:
            raise ValueError("refused sk-abcdefghijkl")
        except ValueError:
            failure = sys.exc_info()
    return logging.LogRecord("headgate.test", logging.WARNING, __file__, 1, message, arguments, failure)


def test_json_lines_hold_the_process_and_a_redacted_traceback() -> None:
    line = json.loads(JsonFormatter("gateway 1").format(record("for %s", "sk-abcdefghijkl", failing=True)))
    assert line["process"] == "gateway 1"
    assert line["level"] == "warning"
    assert line["message"] == "for [redacted]"
    assert "ValueError: refused [redacted]" in line["error"]


def test_readable_lines_name_the_level_only_above_info() -> None:
    line = LineFormatter("control").format(record("the disk is nearly full"))
    assert "control" in line
    assert "warning: the disk is nearly full" in line
