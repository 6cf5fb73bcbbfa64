"""A certificate authority and a certificate for localhost, made by the openssl command."""

from dataclasses import dataclass
from pathlib import Path

from harness.install import run

EXTENSIONS = """\
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1, DNS:logs.localtest, DNS:*.logs.localtest
"""


@dataclass(frozen=True)
class Certificates:
    """Paths of PEM files."""

    authority: Path
    certificate: Path
    key: Path


def create(folder):
    """Makes both, valid for two months; keys are P-256, mode 600."""
    folder.mkdir(parents=True)
    authority, authority_key = folder / "ca.pem", folder / "ca-key.pem"
    certificate, key = folder / "localhost.pem", folder / "localhost-key.pem"
    request, extensions = folder / "localhost.csr", folder / "extensions.conf"
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

    run(
        [
            "openssl",
            "req",
            "-x509",
            *new_key,
            "-days",
            "60",
            "-subj",
            "/CN=logboom test authority",
            "-keyout",
            str(authority_key),
            "-out",
            str(authority),
        ]
    )
    run(["openssl", "req", *new_key, "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(request)])
    extensions.write_text(EXTENSIONS)
    run(
        [
            "openssl",
            "x509",
            "-req",
            "-in",
            str(request),
            "-CA",
            str(authority),
            "-CAkey",
            str(authority_key),
            "-CAcreateserial",
            "-days",
            "60",
            "-extfile",
            str(extensions),
            "-out",
            str(certificate),
        ]
    )
    for secret in (authority_key, key):
        secret.chmod(0o600)
    return Certificates(authority, certificate, key)
