"""The project's virtual environment, exactly as requirements.lock says."""

import hashlib
import shutil
import sys
from pathlib import Path

from infra.bootstrap.runner import Step
from infra.bootstrap.shell import Shell, StepFailed
from infra.cache import PROJECT, UV, Cache

ENVIRONMENT = PROJECT / ".venv"
LOCK = PROJECT / "requirements.lock"
STAMP = ENVIRONMENT / ".reelfold"
_COMMAND = """#!{python}
import sys

from infra.cli.main import main

sys.exit(main())
"""


def uv_step(cache: Cache) -> Step:
    """uv, from its wheel, where the machine has none."""

    def install(shell: Shell) -> None:
        install_tool(shell, cache, f"uv=={UV}")

    return Step("uv", lambda: cache.program("uv") is not None, install, ("system packages",))


def packages_step(cache: Cache) -> Step:
    """Every locked package, hashes required, and the project itself beside them."""

    def install(shell: Shell) -> None:
        uv = cache.program("uv") or "uv"
        env = {"UV_CACHE_DIR": str(cache.root / "uv"), "VIRTUAL_ENV": str(ENVIRONMENT)}
        if not _environment_is_ours():
            shell.run(uv, "venv", "--clear", "--python", sys.executable, str(ENVIRONMENT), env=env)
        # compiled here, once: where Python may not write what it compiled, each process would do it, for 2 s
        sync = (uv, "pip", "sync", "--compile-bytecode", "--require-hashes", str(LOCK))
        shell.run(*sync, env=env, cwd=PROJECT)
        add_project()
        STAMP.write_text(wanted(), "utf-8")

    return Step("python packages", lambda: installed() == wanted(), install, ("uv",))


def install_tool(shell: Shell, cache: Cache, requirement: str) -> None:
    """Install a tool that comes as a wheel into the cache's own environment."""
    python = str(cache.tools / "bin" / "python")
    if shutil.which(python) is None or not (cache.tools / "bin" / "pip").exists():
        shell.run(sys.executable, "-m", "venv", "--clear", str(cache.tools))
    shell.run(python, "-m", "pip", "install", "--disable-pip-version-check", requirement)


def add_project() -> None:
    """Put the project on the environment's path, and the command `reelfold` into its bin.

    A .pth file rather than an editable install: that would need a build backend from outside the lock.
    """
    found = list(ENVIRONMENT.glob("lib/python3.*/site-packages"))
    if not found:
        raise StepFailed(f"{ENVIRONMENT} holds no site-packages; remove it and run again")
    (found[0] / "reelfold.pth").write_text(f"{PROJECT}\n", "utf-8")
    command = ENVIRONMENT / "bin" / "reelfold"
    command.write_text(_COMMAND.format(python=ENVIRONMENT / "bin" / "python"), "utf-8")
    command.chmod(0o755)


def wanted() -> str:
    """What the stamp says when all is current: lock, command, Python, and where the project lies."""
    lock = hashlib.sha256(LOCK.read_bytes() + _COMMAND.encode()).hexdigest()
    return f"{lock} {sys.version_info.major}.{sys.version_info.minor} {PROJECT}\n"


def installed() -> str:
    """What the stamp says now; empty when there is none, or when the environment is broken."""
    if not STAMP.exists() or shutil.which(str(ENVIRONMENT / "bin" / "python")) is None:
        return ""
    return STAMP.read_text("utf-8")


def _environment_is_ours() -> bool:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return Path(ENVIRONMENT / "bin" / version).exists()
