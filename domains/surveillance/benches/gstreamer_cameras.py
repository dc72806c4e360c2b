"""Serve a folder's films as RTSP cameras by GStreamer: `/usr/bin/python3 gstreamer_cameras.py FOLDER PORT`.

A program of its own, run by the system's Python, because Debian builds GStreamer's bindings for that one alone. Every film
`x.mp4` (H.264, with or without AAC) is the camera `/x.mp4`, sent as it is, without encoding it again, at its own pace; every
client sees it from its begin, and it ends with the film.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

MIN_ARGUMENTS = 3
SAFE_PATH = re.compile(r"[\w./+-]+")  # goes into a pipeline's description
PICTURE = "d.video_0 ! queue ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=1"
SOUND = "d.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97"


def main(arguments: list[str]) -> int:
    """Serve until the process is ended."""
    folder, port = Path(arguments[1]).resolve(), arguments[2]
    gi: Any = import_module("gi")
    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    gst: Any = import_module("gi.repository.Gst")
    rtsp: Any = import_module("gi.repository.GstRtspServer")
    glib: Any = import_module("gi.repository.GLib")
    gst.init(None)
    server = rtsp.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    for film in sorted(folder.glob("*.mp4")):
        if not SAFE_PATH.fullmatch(str(film)):
            print(f"{film}: a film's path may hold letters, digits and ./+-_ alone", file=sys.stderr)
            return 2
        factory = rtsp.RTSPMediaFactory()
        factory.set_shared(False)
        factory.set_launch(f"( filesrc location={film} ! qtdemux name=d {PICTURE} {SOUND} )")
        server.get_mount_points().add_factory(f"/{film.name}", factory)
    if server.attach(None) == 0:
        print(f"nothing can listen on port {port}", file=sys.stderr)
        return 2
    glib.MainLoop().run()
    return 0


if __name__ == "__main__":
    if len(sys.argv) < MIN_ARGUMENTS:
        raise SystemExit(f"usage: {sys.argv[0]} FOLDER PORT")
    raise SystemExit(main(sys.argv))
