"""Which proxy an origin is reached through, read from the usual HTTP_PROXY, HTTPS_PROXY and NO_PROXY.

Pure: the mapping comes from `settings`, the only reader of the environment. Loopback hosts and unix sockets
are never proxied.
"""

import base64
import ipaddress
from collections.abc import Mapping
from typing import Literal
from urllib.parse import unquote, urlsplit

import msgspec

from headgate.core.faults import Misconfigured
from headgate.core.ports import Origin


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """A plain HTTP proxy. `authorization` is the value of `proxy-authorization`, empty without a user."""

    host: str
    port: int
    authorization: bytes = b""

    def __repr__(self) -> str:
        return f"Proxy(host={self.host!r}, port={self.port})"


class Exemption(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of NO_PROXY: a domain with all below it, or a network, each at one port or at all (0)."""

    kind: Literal["domain", "network", "all"]
    value: str = ""
    port: int = 0

    def covers(self, host: str, port: int) -> bool:
        """Say whether a host (lower case, without brackets or trailing dot) is reached directly."""
        if self.port and self.port != port:
            return False
        match self.kind:
            case "all":
                return True
            case "domain":
                return host == self.value or host.endswith("." + self.value)
            case "network":
                address = _address(host)
                return address is not None and address in ipaddress.ip_network(self.value)


class ProxySettings(msgspec.Struct, frozen=True, kw_only=True):
    """The proxies for http and https origins, and which hosts do without."""

    http: Proxy | None = None
    https: Proxy | None = None
    exemptions: tuple[Exemption, ...] = ()

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, str]) -> "ProxySettings":
        """Read the proxy variables of an environment; the lower-case name of each wins.

        ALL_PROXY stands in where the scheme's own is not set. Raises Misconfigured for a URL that is no
        http proxy, or an entry of NO_PROXY that can't be read.
        """
        return cls(
            http=_proxy(mapping, "HTTP_PROXY") or _proxy(mapping, "ALL_PROXY"),
            https=_proxy(mapping, "HTTPS_PROXY") or _proxy(mapping, "ALL_PROXY"),
            exemptions=_exemptions(_variable(mapping, "NO_PROXY")),
        )

    def proxy_for(self, origin: Origin) -> Proxy | None:
        """Return the proxy for an origin, None where it is reached directly."""
        match origin.scheme:
            case "http":
                proxy = self.http
            case "https":
                proxy = self.https
            case _:
                return None
        if proxy is None:
            return None
        host = origin.host.lower().strip("[]").rstrip(".")
        if _is_loopback(host):
            return None
        if any(exemption.covers(host, origin.port) for exemption in self.exemptions):
            return None
        return proxy


def _variable(mapping: Mapping[str, str], name: str) -> str:
    return mapping.get(name.lower(), "").strip() or mapping.get(name, "").strip()


def _proxy(mapping: Mapping[str, str], name: str) -> Proxy | None:
    text = _variable(mapping, name)
    if not text:
        return None
    # The value may hold a password, so that no message repeats it.
    try:
        parts = urlsplit(text if "://" in text else "http://" + text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Misconfigured(f"{name} is no URL; write http://host:port") from None
    if parts.scheme != "http" or not host or parts.path not in ("", "/"):
        raise Misconfigured(
            f"{name} has scheme {parts.scheme!r}; only http://[user:password@]host:port is supported"
        )
    authorization = b""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = b"Basic " + base64.b64encode(pair.encode())
    return Proxy(host=host, port=port or 80, authorization=authorization)


def _exemptions(text: str) -> tuple[Exemption, ...]:
    return tuple(_exemption(entry.lower()) for entry in text.replace(",", " ").split())


def _exemption(entry: str) -> Exemption:
    if entry == "*":
        return Exemption(kind="all")
    if _address(entry.strip("[]")) is not None or "/" in entry:
        return Exemption(kind="network", value=_network(entry.strip("[]"), entry))
    host, separator, port_text = entry.rpartition(":")
    port = 0
    if separator:
        if not port_text.isdecimal() or not 0 < int(port_text) < 65536:
            raise Misconfigured(f"NO_PROXY entry {entry!r} has no valid port; write host or host:port")
        port, entry = int(port_text), host
    if _address(entry.strip("[]")) is not None:
        return Exemption(kind="network", value=_network(entry.strip("[]"), entry), port=port)
    if entry == "*":
        return Exemption(kind="all", port=port)
    domain = entry.removeprefix("*").strip(".")
    if not domain:
        raise Misconfigured(f"NO_PROXY entry {entry!r} names no host; write host, .domain, network/bits or *")
    return Exemption(kind="domain", value=domain, port=port)


def _network(text: str, entry: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise Misconfigured(f"NO_PROXY entry {entry!r} is no network; write address/bits") from None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or host.endswith(".localhost") or (address is not None and address.is_loopback)
