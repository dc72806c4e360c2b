"""`trivium surveillance`: cameras and films."""

from __future__ import annotations

from pipelines.commands.field import field_group

surveillance = field_group("surveillance", "Watch cameras and films: alerts with evidence.", "door.mp4")
