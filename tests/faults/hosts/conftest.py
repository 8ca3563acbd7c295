"""Whether hosts can be made here is asked once; where the environment demands it, failing to is a failure."""

import os

import pytest
from tests.faults.hosts.network import reason_against


@pytest.fixture(scope="session", autouse=True)
def namespaces() -> None:
    reason = reason_against()
    if reason is None:
        return
    if os.environ.get("HEADGATE_PRIVILEGED") == "required":
        pytest.fail(f"HEADGATE_PRIVILEGED=required, but {reason}")
    pytest.skip(reason)
