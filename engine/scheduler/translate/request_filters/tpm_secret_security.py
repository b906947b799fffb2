"""TPM secrets: a host that guards the secrets of virtual TPMs as asked for (nova's tpm_secret_security_filter)."""

from __future__ import annotations

from engine.scheduler.translate.guest_traits import tpm_traits
from engine.scheduler.translate.request_filters.asked import Added, Asked, no_host, root_trait

SECURITIES = ("user", "host", "deployment")


def tpm_secret_security(asked: Asked) -> Added | None:
    """Return the trait of such hosts for a guest with a TPM; NoValidHostError for an unknown way to guard them."""
    if not tpm_traits(asked.guest):
        return None
    security = asked.request.flavor.extra_specs.get("hw:tpm_secret_security") or "user"
    if security not in SECURITIES:
        raise no_host(asked, f"hw:tpm_secret_security must be one of {', '.join(SECURITIES)}, not {security!r}")
    return root_trait(f"COMPUTE_SECURITY_TPM_SECRET_SECURITY_{security.upper()}")
