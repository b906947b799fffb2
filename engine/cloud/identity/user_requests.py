"""The bodies by which users are made and changed."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=255)]
Text = Annotated[str, Field(max_length=1024)]
Password = Annotated[str, Field(min_length=1, max_length=4096)]


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class UserOptions(_Body):
    """Keystone's options of a user, as far as they mean anything here; null takes one away."""

    ignore_lockout_failure_attempts: bool | None = None


class NewUser(_Body):
    """What a user is made of."""

    name: Name
    password: Password | None = None
    description: Text | None = None
    email: Text | None = None
    enabled: bool = True
    default_project_id: str | None = None
    domain_id: str | None = None
    options: UserOptions = UserOptions()


class ChangedUser(_Body):
    """What can change of a user; what is left out stays."""

    name: Name = ""
    password: Password | None = None
    description: Text | None = None
    email: Text | None = None
    enabled: bool = True
    default_project_id: str | None = None
    domain_id: str | None = None
    options: UserOptions = UserOptions()


class NewPassword(_Body):
    """A user's old and new password."""

    original_password: Password
    password: Password


class NewUserRequest(_Body):
    """The body of a creation."""

    user: NewUser


class ChangedUserRequest(_Body):
    """The body of a change."""

    user: ChangedUser


class NewPasswordRequest(_Body):
    """The body of a change of one's own password."""

    user: NewPassword
