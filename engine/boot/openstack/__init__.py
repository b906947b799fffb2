"""Clients of the image, network and block storage services: real OpenStack's or the embedded ones, the same code."""

from __future__ import annotations

from engine.boot.messages import Caller as UserCaller
from engine.boot.openstack.clouds import Clouds
from engine.boot.openstack.errors import (
    CloudBadRequest,
    CloudConflict,
    CloudError,
    CloudForbidden,
    CloudNotFound,
    CloudOverQuota,
    CloudUnauthorized,
    CloudUnreachable,
)
from engine.boot.openstack.images import Downloaded, Images
from engine.boot.openstack.networks import Networks
from engine.boot.openstack.trace import CallTrace, CloudCall, TokenCheck
from engine.boot.openstack.volumes import Volumes

__all__ = [
    "CallTrace",
    "CloudBadRequest",
    "CloudCall",
    "CloudConflict",
    "CloudError",
    "CloudForbidden",
    "CloudNotFound",
    "CloudOverQuota",
    "CloudUnauthorized",
    "CloudUnreachable",
    "Clouds",
    "Downloaded",
    "Images",
    "Networks",
    "TokenCheck",
    "UserCaller",
    "Volumes",
]
