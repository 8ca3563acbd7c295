"""Everything that can go wrong, as one tree. Each leaf knows its code, status, hint, and if a retry helps.

    Fault
    ├── Refused                  the caller has to change something
    │   ├── InvalidRequest       400 invalid_request
    │   ├── InvalidKey           401 invalid_key
    │   ├── BudgetExhausted      402 budget_exhausted
    │   ├── NotAllowed           403 not_allowed | residency_denied | unbounded_cost
    │   ├── NotFound             404 model_not_found | not_found
    │   ├── Conflict             409 conflict
    │   ├── RequestTooLarge      413 request_too_large
    │   ├── NotTranslatable      422 not_translatable
    │   └── Limited              429 rate_limited | budget_reserved | runaway_loop
    ├── Failed                   something behind Headgate failed
    │   ├── UpstreamError        502 upstream_error
    │   ├── UpstreamTimeout      504 upstream_timeout
    │   ├── SchemaMismatch       422 schema_mismatch
    │   └── Unavailable          503 unavailable
    ├── ClientClosed             499 client_closed, recorded only
    └── Misconfigured            configuration that is refused, with file, line and reason

A message says what, which value, and what to do next. Written for callers by `wire.errors`.
"""

from typing import ClassVar


class Fault(Exception):
    """Any error that Headgate knows by name."""

    code: str = "internal_error"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    hint: ClassVar[str] = "look up the request id in the log of the server"

    def __init__(self, message: str, *, code: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s
        if code is not None:
            self.code = code


class Refused(Fault):
    """The caller has to change something before it tries again."""


class InvalidRequest(Refused):
    """The body or a parameter is not what the route says; names the field."""

    code = "invalid_request"
    status = 400
    hint = "correct the named field"

    def __init__(self, message: str, *, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter


class InvalidKey(Refused):
    """No key, or one that is unknown, expired or revoked."""

    code = "invalid_key"
    status = 401
    hint = "send a valid key as bearer; `headgate keys create NAME` makes one"


class BudgetExhausted(Refused):
    """What is left of a budget is less than this call's bound."""

    code = "budget_exhausted"
    status = 402
    hint = "wait for the window's end, raise the limit, or ask for fewer output tokens"

    def __init__(self, message: str, *, rejects: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.rejects = rejects
        """Whether the budget says `when_exhausted = "reject"`: no other target is to be tried."""


class NotAllowed(Refused):
    """A model, label, region, role or unboundable cost is not permitted."""

    code = "not_allowed"
    status = 403
    hint = "ask an administrator for access, or use a model that this key allows"


class NotFound(Refused):
    """There is no such model, object or route."""

    code = "not_found"
    status = 404
    hint = "check the name; the message says which there are, or what lists them"


class Conflict(Refused):
    """The object exists already, changed meanwhile, or is managed elsewhere."""

    code = "conflict"
    status = 409
    hint = "read it again, then repeat the change"


class RequestTooLarge(Refused):
    """The body or the headers exceed the limit."""

    code = "request_too_large"
    status = 413
    hint = "send less, or raise the limit in [server]"


class NotTranslatable(Refused):
    """No target speaks the caller's dialect in a way that keeps the call's meaning."""

    code = "not_translatable"
    status = 422
    hint = 'leave out what the message names, or set translation = "lenient" for the alias'


class Limited(Refused):
    """Too much at once: a rate limit, money held by calls in flight, or a runaway loop."""

    code = "rate_limited"
    status = 429
    retryable = True
    hint = "wait as long as retry-after says"


class Failed(Fault):
    """Something behind Headgate failed; the same call may work later."""

    retryable = True


class UpstreamError(Failed):
    """A provider failed, or every target did. `sent` says whether a byte of the request had left."""

    code = "upstream_error"
    status = 502
    hint = "the message lists each target with its own error"

    def __init__(self, message: str, *, sent: bool = True, retry_after_s: float | None = None) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.sent = sent


class UpstreamTimeout(Failed):
    """A provider did not connect, begin or go on in time. `sent` as in UpstreamError."""

    code = "upstream_timeout"
    status = 504
    hint = "raise the alias's timeout, or add a fallback target"

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


class SchemaMismatch(Failed):
    """An answer came, and was billed, but does not keep to the JSON schema that the call asks for.

    422 and no 5xx, which SDKs would send again by themselves, and pay again.
    """

    code = "schema_mismatch"
    status = 422
    retryable = False
    hint = 'simplify the schema, or set structured_output = "repaired" for the alias'


class Unavailable(Failed):
    """Headgate itself can't take the call: draining, journal full, or a meter's store is away."""

    code = "unavailable"
    status = 503
    hint = "try again shortly; /readyz says what is missing"


class ClientClosed(Fault):
    """The client went away, or did not read for too long."""

    code = "client_closed"
    status = 499
    hint = "nothing to do"


class Misconfigured(Fault):
    """Configuration that is refused whole. `where` is `file:line` when it is known."""

    code = "misconfigured"
    status = 400
    hint = "correct the file; the configuration before it stays in force"

    def __init__(self, message: str, *, where: str | None = None) -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.reason = message
        self.where = where
