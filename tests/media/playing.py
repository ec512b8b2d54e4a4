"""Plays a film as a client does: from the master playlist on, over HTTP."""

import functools
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Served:
    """A folder over HTTP; answers its address."""

    def __init__(self, folder: Path) -> None:
        handler = functools.partial(_Quiet, directory=str(folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Tests are read, not their servers."""


def played(url: str) -> dict[str, int]:
    """Frames of the best rung, decoded from the master playlist on."""
    words = [
        "-v",
        "error",
        "-of",
        "csv=p=0",
        "-count_frames",
        "-show_entries",
        "stream=codec_type,nb_read_frames",
    ]
    done = subprocess.run(["ffprobe", *words, url], capture_output=True, text=True, check=True)
    assert not done.stderr
    lines = [line.split(",") for line in done.stdout.split() if not line.endswith("N/A")]
    return {kind: max(int(n) for k, n in lines if k == kind) for kind in ("video", "audio")}
