"""A connection that another thread ends."""

import socket

import pytest

from headgate.cli.asking import Connection, NoAnswer


def test_a_connection_that_was_ended_before_it_was_opened_waits_for_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        connection = Connection(f"http://127.0.0.1:{deaf.getsockname()[1]}", {}, timeout_s=30)
        connection.abort()
        with pytest.raises(NoAnswer, match="it was closed"):
            connection.ask("POST", "/v1/chat/completions", body=b"{}")
