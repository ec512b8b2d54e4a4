"""What Debian's packages give: Java, Maven, Redis, ffmpeg, curl, and Python's venv."""

import importlib.util
import os
import shutil

from infra.bootstrap.runner import Step
from infra.bootstrap.shell import Shell, StepFailed

PACKAGE_OF = {
    "java": "default-jre-headless",
    "mvn": "maven",
    "redis-server": "redis-server",
    "ffmpeg": "ffmpeg",
    "ffprobe": "ffmpeg",
    "curl": "curl",
}


def missing_packages() -> list[str]:
    """The Debian packages whose programs this machine lacks, in a stable order."""
    lacking = {package for program, package in PACKAGE_OF.items() if shutil.which(program) is None}
    if importlib.util.find_spec("ensurepip") is None:
        lacking.add("python3-venv")
    return sorted(lacking)


def system_step() -> Step:
    """Install what is missing with apt, as root or through sudo."""
    return Step("system packages", lambda: not missing_packages(), _install)


def _install(shell: Shell) -> None:
    packages = missing_packages()
    if shutil.which("apt-get") is None:
        listed = " ".join(packages)
        raise StepFailed(f"this machine has no apt-get: install these yourself, then run again: {listed}")
    prefix = _as_root(packages)
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    # What an interrupted run has unpacked and not set up would refuse every install; else it does nothing.
    shell.run(*prefix, "dpkg", "--configure", "-a", env=quiet)
    shell.run(*prefix, "apt-get", "update", env=quiet)
    # Debian may start its own Redis on 6379; the stack's has another port and does not mind.
    shell.run(*prefix, "apt-get", "install", "-y", "--no-install-recommends", *packages, env=quiet)


def _as_root(packages: list[str]) -> tuple[str, ...]:
    if os.geteuid() == 0:
        return ()
    if shutil.which("sudo") is None:
        raise StepFailed(
            f"system packages are missing, and this user is neither root nor has sudo: have root run "
            f"`apt-get update && apt-get install -y --no-install-recommends {' '.join(packages)}`, then go on"
        )
    return ("sudo", "-E")
