"""A guest with a TPM needs a host that guards its secrets as asked for."""

from __future__ import annotations

import pytest

from engine.errors import InvalidRequestError, NoValidHostError
from tests.builders import request
from tests.scheduler.translate.asking import narrowed

TRAIT = "COMPUTE_SECURITY_TPM_SECRET_SECURITY"


@pytest.mark.parametrize(
    ("security", "trait"),
    [(None, "USER"), ("", "USER"), ("user", "USER"), ("host", "HOST"), ("deployment", "DEPLOYMENT")],
)
def test_the_trait(security: str | None, trait: str) -> None:
    specs = {"hw:tpm_version": "2.0"} | ({} if security is None else {"hw:tpm_secret_security": security})
    assert narrowed(request(extra_specs=specs)).root_required == {f"{TRAIT}_{trait}"}


def test_an_image_can_ask_for_the_tpm_but_not_for_its_security() -> None:
    spec = request(properties={"hw_tpm_version": "1.2", "hw_tpm_secret_security": "host"})
    assert narrowed(spec).root_required == {f"{TRAIT}_USER"}
    assert narrowed(request(extra_specs={"hw:tpm_secret_security": "host"})).root_required == set()


def test_another_security_has_no_host() -> None:
    with pytest.raises(NoValidHostError, match="user, host, deployment"):
        narrowed(request(extra_specs={"hw:tpm_version": "2.0", "hw:tpm_secret_security": "nobody"}))


def test_an_impossible_tpm_is_the_first_error() -> None:
    specs = {"hw:tpm_version": "1.2", "hw:tpm_model": "tpm-crb", "hw:tpm_secret_security": "nobody"}
    with pytest.raises(InvalidRequestError, match="tpm-crb needs"):
        narrowed(request(extra_specs=specs))
