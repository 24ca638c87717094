from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from perfgate.errors import UsageError
from perfgate.protocols.tls import Tls
from tests.conftest import Certificate


def test_a_context_trusts_the_files_certificates_alone_and_checks_names(certificate: Certificate) -> None:
    context = Tls(str(certificate.authority)).context("h2")
    (trusted,) = context.get_ca_certs()
    assert trusted["subject"] == ((("commonName", "authority"),),)
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_text_beside_the_certificates_does_no_harm(certificate: Certificate, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes("Zertifikat für Prüfungen\n".encode() + certificate.authority.read_bytes())
    assert len(Tls(str(file)).context().get_ca_certs()) == 1
    assert Tls(str(file)).certificates() == file.read_bytes()


def test_without_a_file_the_systems_certificates_are_meant() -> None:
    assert Tls().certificates() is None
    assert Tls().context().verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, r"ca\.pem cannot be read: No such file"),
        (b"", r"ca\.pem contains no PEM certificates"),
        (b"\xff\xfe", r"ca\.pem contains no PEM certificates"),
    ],
)
def test_a_file_without_certificates_is_a_usage_error(content: bytes | None, words: str, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    for use in (Tls.context, Tls.certificates):
        with pytest.raises(UsageError, match=words):
            use(Tls(str(file)))
