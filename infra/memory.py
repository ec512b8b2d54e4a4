"""How much memory this process has held."""

from pathlib import Path


def peak_mib() -> float:
    """The most that was resident at once, MiB. Of this program alone: what getrusage tells begins with what
    the process held before it became this program."""
    for line in Path("/proc/self/status").read_text("ascii", "replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
