"""A backup as a folder: files as the buckets name them, lists of them, and one manifest that counts.

    manifest.json              what is held: parts, counts, digests of the lists
    <part>.<digest>.jsonl      a line for each object: name, size, sha256, etag, headers
    <part>/<object's name>     its bytes

The manifest is replaced in one step, last: a run that is killed leaves the backup before it. What an
interrupted run has fetched is found again by its size and digest.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

FORMAT = 1
MANIFEST = "manifest.json"


class BackupFailed(Exception):
    """A backup cannot be made, read or brought back; the message is one plain sentence."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One object. ``etag`` is the store's, without quotes; ``headers`` are those that players see."""

    name: str
    size: int
    sha256: str
    etag: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """What the manifest says of a part. ``digest`` is the SHA-256 of its list."""

    objects: int
    bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. Without the master key: the sealing keys in it are wrapped."""

    made_at: str
    version: str
    parts: Mapping[str, Part]
    format: int = FORMAT

    def document(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


class BackupFolder:
    """A backup in this folder. Names are checked before they become paths."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else works on it meanwhile; raises BackupFailed."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.root / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BackupFailed(f"{self.root} is being worked on by another backup or restore") from None
            yield

    def manifest(self) -> Manifest | None:
        """The manifest, None where there is none yet; raises BackupFailed when it is not one of ours."""
        path = self.root / MANIFEST
        if not path.exists():
            return None
        try:
            raw = json.loads(path.read_text("utf-8"))
            parts = {name: Part(**part) for name, part in raw.pop("parts").items()}
            found = Manifest(**raw, parts=parts)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BackupFailed(f"{path} is no manifest of a backup: {error}") from None
        if found.format != FORMAT:
            raise BackupFailed(f"{path} has format {found.format}; this version reads format {FORMAT}")
        return found

    def entries(self, part: str) -> dict[str, Entry]:
        """The objects of a part by name, as the manifest has them. Raises BackupFailed."""
        said = (self.manifest() or Manifest("", "", {})).parts.get(part)
        if said is None:
            return {}
        path = self._list(part, said.digest)
        if not path.exists() or digest(path) != said.digest:
            raise BackupFailed(f"{path} is damaged or gone: the backup cannot be trusted")
        lines = path.read_text("utf-8").splitlines()
        found = [Entry(**json.loads(line)) for line in lines]
        return {entry.name: entry for entry in found}

    def path(self, part: str, name: str) -> Path:
        """Where an object's bytes are; raises BackupFailed for a name that leads elsewhere."""
        pieces = PurePosixPath(name)
        odd = (
            pieces.is_absolute()
            or ".." in pieces.parts
            or "\0" in name
            or str(pieces) != name
            or "\\" in name
        )
        if odd or not name:
            raise BackupFailed(f"the object {name!r} of {part} has a name that is no path of a file")
        return self.root / part / name

    def sound(self, part: str, entry: Entry) -> bool:
        """Whether an object's bytes are there and are the ones that were written."""
        path = self.path(part, entry.name)
        return path.is_file() and path.stat().st_size == entry.size and digest(path) == entry.sha256

    def write_list(self, part: str, entries: Iterable[Entry]) -> Part:
        """Keep a part's list; it counts once a manifest names it."""
        ordered = sorted(entries, key=lambda one: one.name)
        text = "".join(json.dumps(asdict(one), separators=(",", ":")) + "\n" for one in ordered)
        found = Part(
            len(ordered), sum(one.size for one in ordered), hashlib.sha256(text.encode()).hexdigest()
        )
        write_whole(self._list(part, found.digest), text.encode())
        return found

    def finish(self, manifest: Manifest) -> None:
        """Let this manifest count, and take away the lists that it does not name."""
        write_whole(self.root / MANIFEST, (json.dumps(manifest.document(), indent=1) + "\n").encode())
        named = {self._list(name, part.digest) for name, part in manifest.parts.items()}
        for path in self.root.glob("*.jsonl"):
            if path not in named:
                path.unlink()

    def _list(self, part: str, of: str) -> Path:
        return self.root / f"{part}.{of[:16]}.jsonl"


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, on disk when this returns; only its owner reads it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    half = path.with_name(path.name + ".half")
    with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
