"""Bedrock's errors: their names, their words, and whose fault they are."""

import pytest
from tests.wire.dialects.bedrock_samples import exchanges

from headgate.wire.answers import classify, provider_message, retry_after_s
from headgate.wire.dialects.bedrock.errors import error_kind, status_of
from headgate.wire.model import ErrorClass

LONG = "http://internal.amazon.com/coral/com.amazon.bedrock/"


@pytest.mark.parametrize(
    ("headers", "body", "kind"),
    [
        ([(b"x-amzn-errortype", b"ThrottlingException:" + LONG.encode())], b"{}", "ThrottlingException"),
        ([(b"x-amzn-errortype", b"ValidationException")], b'{"__type":"Other"}', "ValidationException"),
        ([], b'{"__type":"com.amazon.coral.service#AccessDeniedException"}', "AccessDeniedException"),
        ([], b'{"code":"ExpiredTokenException","message":"m"}', "ExpiredTokenException"),
        ([], b'{"__type":7}', ""),
        ([], b"<html>", ""),
        ([(b"x-amzn-errortype", b"\xff" * 5000)], b"", "\xff" * 100),
    ],
)
def test_an_error_has_the_name_that_the_answer_gives_it(
    headers: list[tuple[bytes, bytes]], body: bytes, kind: str
):
    assert error_kind(headers, body) == kind


CASES: list[tuple[int, str, str, ErrorClass]] = [
    (400, "ValidationException", "messages.0.content.0 is blank", "request"),
    (400, "ValidationException", "The provided model identifier is invalid.", "target"),
    (
        400,
        "ValidationException",
        "Invocation of model ID x with on-demand throughput isn\u2019t supported",
        "target",
    ),
    (400, "ValidationException", "Input is too long for requested model.", "request"),
    (400, "ServiceQuotaExceededException", "Your account has reached its quota", "exhausted"),
    (400, "IncompleteSignatureException", "no Credential", "target"),
    (
        403,
        "AccessDeniedException",
        "You don't have access to the model with the specified model ID.",
        "target",
    ),
    (403, "UnrecognizedClientException", "The security token included in the request is invalid.", "target"),
    (403, "ExpiredTokenException", "The security token included in the request is expired", "target"),
    (403, "InvalidSignatureException", "The request signature we calculated does not match", "target"),
    (404, "ResourceNotFoundException", "This model version has reached the end of its life.", "target"),
    (408, "ModelTimeoutException", "Model has timed out in processing the request.", "server"),
    (413, "RequestEntityTooLargeException", "too large", "request"),
    (424, "ModelErrorException", "The system encountered an unexpected error", "server"),
    (429, "ThrottlingException", "Too many requests, please wait before trying again.", "limited"),
    (429, "ThrottlingException", "Too many tokens per day, please wait before trying again.", "exhausted"),
    (429, "ModelNotReadyException", "Model is not ready for inference.", "limited"),
    (500, "InternalServerException", "", "server"),
    (503, "ServiceUnavailableException", "Bedrock is unable to process your request.", "server"),
]


@pytest.mark.parametrize(("status", "kind", "message", "fault"), CASES)
def test_trap_50_whose_fault_an_error_is(status: int, kind: str, message: str, fault: ErrorClass):
    for name in ("message", "Message"):
        body = b'{"%b":"%b"}' % (name.encode(), message.encode())
        assert classify("bedrock", status, body, kind=kind) == fault
        if message:
            assert provider_message("bedrock", body) == message
    if not kind.startswith(("ServiceQuota", "Incomplete")):
        assert classify("bedrock", status, b'{"message":"%b"}' % message.encode()) == fault  # without a name


def test_trap_50_recorded_errors_are_understood():
    found = [
        (
            classify("bedrock", one.status, one.response.encode()),
            provider_message("bedrock", one.response.encode()),
        )
        for one in exchanges()
        if one.status != 200
    ]
    assert sorted(fault for fault, _ in found) == ["request"] * 4 + ["target"]
    assert all(message.endswith((".", "permitted", "required", "again.")) for _, message in found)


def test_every_name_of_an_error_in_a_stream_has_a_status():
    assert status_of("throttlingException") == status_of("ThrottlingException") == 429
    assert status_of("modelStreamErrorException", 529) == 529
    assert status_of("modelStreamErrorException", 12) == 424
    assert status_of("other") is None


def test_how_long_to_wait_is_read_as_from_others():
    assert retry_after_s([(b"retry-after", b"3")], b"{}") == 3
