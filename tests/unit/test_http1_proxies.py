"""Which proxy an origin is reached through, as a table."""

import pytest

from headgate.core.faults import Misconfigured
from headgate.core.ports import Origin
from headgate.http1.proxies import Proxy, ProxySettings


def via(no_proxy: str, host: str, port: int = 443) -> bool:
    settings = ProxySettings.from_mapping({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": no_proxy})
    return settings.proxy_for(Origin("https", host, port)) is not None


@pytest.mark.parametrize(
    ("no_proxy", "host", "port", "proxied"),
    [
        ("", "api.example", 443, True),
        ("*", "api.example", 443, False),
        ("api.example", "api.example", 443, False),
        ("api.example", "API.Example.", 443, False),
        ("example", "api.example", 443, False),
        (".example", "api.example", 443, False),
        ("*.example", "api.example", 443, False),
        (".api.example", "api.example", 443, False),
        ("pi.example", "api.example", 443, True),
        ("api.example.org", "api.example", 443, True),
        ("api.example:443", "api.example", 443, False),
        ("api.example:8443", "api.example", 443, True),
        ("*:443", "api.example", 443, False),
        ("other , api.example", "api.example", 443, False),
        ("other api.example", "api.example", 443, False),
        ("10.0.0.0/8", "10.1.2.3", 443, False),
        ("10.0.0.0/8", "11.1.2.3", 443, True),
        ("10.0.0.0/8", "api.example", 443, True),
        ("10.1.2.3", "10.1.2.3", 443, False),
        ("10.1.2.3:80", "10.1.2.3", 443, True),
        ("10.1.2.3:443", "10.1.2.3", 443, False),
        ("10.1.2.3", "10.1.2.30", 443, True),
        ("fd00::/8", "fd00::1", 443, False),
        ("[fd00::1]", "[fd00::1]", 443, False),
        ("[fd00::1]:443", "fd00::1", 443, False),
        ("fd00::/8", "10.1.2.3", 443, True),
        ("", "localhost", 443, False),
        ("", "my.localhost", 443, False),
        ("", "127.0.0.2", 443, False),
        ("", "::1", 443, False),
    ],
)
def test_no_proxy(no_proxy: str, host: str, port: int, proxied: bool) -> None:
    assert via(no_proxy, host, port) is proxied


def test_schemes_have_their_own_proxies() -> None:
    settings = ProxySettings.from_mapping(
        {"HTTP_PROXY": "http://upper:1", "http_proxy": "lower:2", "ALL_PROXY": "http://all:3", "NO_PROXY": ""}
    )
    assert settings.proxy_for(Origin("http", "a.example", 80)) == Proxy(host="lower", port=2)
    assert settings.proxy_for(Origin("https", "a.example", 443)) == Proxy(host="all", port=3)
    assert settings.proxy_for(Origin("unix", "/run/s", 0)) is None
    assert ProxySettings.from_mapping({}).proxy_for(Origin("http", "a.example", 80)) is None


def test_a_password_shows_in_no_message() -> None:
    settings = ProxySettings.from_mapping({"HTTP_PROXY": "http://u:hunter2@proxy"})
    assert settings.http is not None
    assert (settings.http.port, settings.http.authorization) == (80, b"Basic dTpodW50ZXIy")
    assert "hunter2" not in repr(settings) and "dTpodW50ZXIy" not in repr(settings)
    with pytest.raises(Misconfigured) as caught:
        ProxySettings.from_mapping({"HTTP_PROXY": "socks5://u:hunter2@proxy"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "variables",
    [
        {"HTTPS_PROXY": "https://proxy:1"},
        {"HTTPS_PROXY": "http://proxy:99999"},
        {"HTTPS_PROXY": "http://"},
        {"HTTPS_PROXY": "http://proxy/path"},
        {"NO_PROXY": "10.0.0.0/99"},
        {"NO_PROXY": "host:port"},
        {"NO_PROXY": "host:0"},
        {"NO_PROXY": "."},
    ],
)
def test_what_cannot_be_read_is_refused(variables: dict[str, str]) -> None:
    with pytest.raises(Misconfigured, match=next(iter(variables))):
        ProxySettings.from_mapping(variables)
