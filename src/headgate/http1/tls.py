"""TLS contexts: verified towards providers, certificate and key towards clients.

Never here: a way to switch verification off. A provider with its own certificate authority gets a CA file.
"""

import ssl
from pathlib import Path

import msgspec

from headgate.core.faults import Misconfigured
from headgate.core.ports import Origin


class TlsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to trust: `ca_file` in place of the system's authorities, `ca_files` for single origins."""

    ca_file: str | None = None
    ca_files: dict[Origin, str] = msgspec.field(default_factory=dict[Origin, str])

    def ca_file_for(self, origin: Origin) -> str | None:
        """Return the CA file that decides on this origin, None for the system's authorities."""
        return self.ca_files.get(origin, self.ca_file)


def client_context(ca_file: str | None) -> ssl.SSLContext:
    """Return a context that verifies chain and host name and offers HTTP/1.1 only.

    Reads files, so call it off the loop. Raises Misconfigured when the CA file can't be used.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(f"CA file {ca_file!r} can't be used ({error}); name a PEM file") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def server_context(certificate_file: Path, key_file: Path | None = None) -> ssl.SSLContext:
    """Return a context for a server. Raises Misconfigured when certificate or key can't be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate_file, key_file)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(
            f"certificate {str(certificate_file)!r} with key {str(key_file or certificate_file)!r} can't be "
            f"used ({error}); name PEM files that belong together"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context
