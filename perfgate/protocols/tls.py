"""Verification of a server's certificate by a client."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from perfgate.errors import UsageError

_REMEDY = "check target.tls_ca_file"


@dataclass(frozen=True, slots=True)
class Tls:
    """The trusted certificates, and the name that a server's certificate must have."""

    ca_file: str | None = None
    """Certificates in PEM form, instead of the system's; None: the system's."""
    server_name: str | None = None
    """Name that the certificate must have; None: the host of the address."""

    def context(self, protocol: str | None = None) -> ssl.SSLContext:
        """Make a context that offers the protocol by ALPN; UsageError if the file holds no certificates."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file or None)
        except ssl.SSLError as error:
            raise UsageError(f"{self.ca_file} contains no PEM certificates", _REMEDY) from error
        except OSError as error:
            raise UsageError(f"{self.ca_file} cannot be read: {error.strerror}", _REMEDY) from error
        if protocol is not None:
            context.set_alpn_protocols([protocol])
        return context

    def certificates(self) -> bytes | None:
        """Return the file's content, for a library that makes its own context; None for the system's certificates.

        UsageError as in `context`.
        """
        if not self.ca_file:
            return None
        self.context()  # gRPC's library accepts any bytes, and then silently fails to connect
        return Path(self.ca_file).read_bytes()
