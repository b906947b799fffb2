"""Public keys: read and fingerprinted as nova does, or made together with the private key."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from engine.rest.errors import BadRequest

_KEY_BITS = 2048
_VALID_DAYS = 3650
_USER_PRINCIPAL_NAME = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
_UTF8_TAG = 0x0C


@dataclass(frozen=True)
class MadeKey:
    """A key pair made here; the private key is shown once and kept nowhere."""

    public_key: str
    private_key: str
    fingerprint: str


def _colons(digest: bytes) -> str:
    return digest.hex(":")


def ssh_fingerprint(public_key: str) -> str:
    """Return the MD5 fingerprint of an OpenSSH public key; raise BadRequest for what is none."""
    try:
        serialization.load_ssh_public_key(public_key.strip().encode())
        blob = base64.b64decode(public_key.split()[1])
    except (ValueError, IndexError, binascii.Error, UnsupportedAlgorithm) as error:
        raise BadRequest("Keypair data is invalid: failed to generate fingerprint") from error
    return _colons(hashlib.md5(blob, usedforsecurity=False).digest())


def x509_fingerprint(certificate: str) -> str:
    """Return the SHA-1 fingerprint of a PEM certificate; raise BadRequest for what is none."""
    try:
        loaded = x509.load_pem_x509_certificate(certificate.encode())
    except ValueError as error:
        raise BadRequest("Keypair data is invalid: failed to generate X509 fingerprint.") from error
    return _colons(loaded.fingerprint(hashes.SHA1())).upper()  # noqa: S303 (a name for the key, as nova prints it)


def make_ssh_key() -> MadeKey:
    """Return a new RSA key; takes a noticeable part of a second."""
    key = rsa.generate_private_key(65537, _KEY_BITS)
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    text = f"{public.decode()} Generated-by-Nova"
    return MadeKey(text, _private_text(key, serialization.PrivateFormat.TraditionalOpenSSL), ssh_fingerprint(text))


def make_x509_key(user_id: str, now: float) -> MadeKey:
    """Return a new self-signed certificate with which a user may log in to Windows guests."""
    key = rsa.generate_private_key(65537, _KEY_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user_id[:64])])
    principal = user_id[:64].encode()
    start = datetime.fromtimestamp(now, UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=_VALID_DAYS))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.OtherName(_USER_PRINCIPAL_NAME, bytes([_UTF8_TAG, len(principal)]) + principal)]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    text = certificate.public_bytes(serialization.Encoding.PEM).decode()
    return MadeKey(text, _private_text(key, serialization.PrivateFormat.PKCS8), x509_fingerprint(text))


def _private_text(key: rsa.RSAPrivateKey, form: serialization.PrivateFormat) -> str:
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
