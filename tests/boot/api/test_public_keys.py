"""Keys as nova reads and makes them."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from engine.boot.api.public_keys import make_ssh_key, make_x509_key, ssh_fingerprint, x509_fingerprint
from engine.rest.errors import BadRequest

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMZWjrJlZa+6Hwb/MMf+tcO7EV41iKqpn2vl/Iehtvnc"


def test_the_fingerprint_is_the_one_that_nova_recorded() -> None:
    assert ssh_fingerprint(ED25519) == "ff:bd:44:65:9f:8d:98:99:0f:69:38:00:25:b9:32:cb"
    assert ssh_fingerprint(f"{ED25519} user@example\n") == "ff:bd:44:65:9f:8d:98:99:0f:69:38:00:25:b9:32:cb"


@pytest.mark.parametrize(
    "text", ["", "ssh-rsa", "ssh-rsa AAAA", "ssh-rsa !!!!", "no key at all", ED25519[:40], "ssh-dss AAAA é", "\ud800"]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="failed to generate fingerprint"):
        ssh_fingerprint(text)


def test_a_made_key_opens_its_own_lock() -> None:
    made = make_ssh_key()

    private = serialization.load_pem_private_key(made.private_key.encode(), None)
    public = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    assert made.public_key == f"{public.decode()} Generated-by-Nova"
    assert made.fingerprint == ssh_fingerprint(made.public_key)


def test_a_made_key_is_what_ssh_keygen_reads(tmp_path: Path) -> None:
    made = make_ssh_key()
    file = tmp_path / "key.pub"
    file.write_text(made.public_key)
    try:
        shown = subprocess.run(["ssh-keygen", "-E", "md5", "-lf", file], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("there is no ssh-keygen here")
    assert f"MD5:{made.fingerprint}" in shown.stdout


def test_a_made_certificate_names_its_user() -> None:
    made = make_x509_key("u" * 70, time.time())

    certificate = x509.load_pem_x509_certificate(made.public_key.encode())
    assert certificate.subject.rfc4514_string() == f"CN={'u' * 64}"
    assert made.fingerprint == x509_fingerprint(made.public_key)
    assert made.fingerprint.count(":") == 19
    with pytest.raises(BadRequest, match="X509"):
        x509_fingerprint("no certificate")
