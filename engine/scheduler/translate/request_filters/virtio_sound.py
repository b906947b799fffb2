"""Sound: a host that has virtio sound devices (nova's virtio_sound_filter)."""

from __future__ import annotations

from engine.errors import InvalidRequestError
from engine.scheduler.translate.request_filters.asked import Added, Asked, root_trait

SOUND_MODELS = ("sb16", "es1370", "pcspk", "ac97", "ich6", "ich9", "usb", "virtio")
_ADDED = root_trait("COMPUTE_SOUND_MODEL_VIRTIO")


def virtio_sound(asked: Asked) -> Added | None:
    """Return the trait of such hosts for a virtio model; InvalidRequestError for an unknown one."""
    model = asked.guest.agreed("sound_model")
    if model and model not in SOUND_MODELS:
        raise InvalidRequestError(
            f"hw:sound_model must be one of {', '.join(SOUND_MODELS)}, not {model!r}", field="hw:sound_model"
        )
    return _ADDED if model == "virtio" else None
