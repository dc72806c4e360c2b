"""Whom to tell of an alert: the section `notify` of the configuration."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class _Settings(BaseModel):
    """Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WebhookSettings(_Settings):
    """An HTTP address that is sent each alert as JSON."""

    url: SecretStr = Field(description="https:// (or http://) address; ${NAME} is taken from the environment")
    secret_env: str | None = Field(default=None, description="name of the environment variable with the secret that signs what is sent")
    kinds: list[str] = Field(default=[], description="only these kinds of alert, `rule:*` for all of a sort; none means all")
    min_score: Annotated[float, Field(ge=0, le=1)] = Field(default=0.0, description="only alerts at least this sure")


class NotifySettings(_Settings):
    """Who is told when an alert opens, and how hard it is tried."""

    apprise: list[SecretStr] = Field(default=[], description="Apprise URLs: mailto://, tgram://, ntfy://, ...; ${NAME} is taken as above")
    webhooks: list[WebhookSettings] = []
    attach_snapshot: bool = Field(default=False, description="send the picture along by Apprise, where the service takes one")
    attempts: int = Field(default=6, ge=1, le=50, description="tries for each message, waiting longer each time")
    first_wait_s: float = Field(default=1.0, gt=0, le=60, description="before the second try; doubled each time, with some chance in it")
    longest_wait_s: float = Field(default=60.0, gt=0, le=3600)
    timeout_s: float = Field(default=10.0, gt=0, le=120, description="for one try")
    max_waiting: int = Field(default=256, ge=1, le=100_000, description="messages that may wait for each receiver; more are dead letters")
