"""A bucket -> the folder, and back. What is there already, equal, is not moved again."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from infra.backup.folder import BackupFailed, BackupFolder, Entry

THREADS = 8
PART_BYTES = 64 * 1024 * 1024
_KEPT_HEADERS = ("content-type", "cache-control")
_GONE = ("NoSuchKey", "NoSuchBucket")
Item = TypeVar("Item")
Done = TypeVar("Done")
Tell = Callable[[str, int, int], None]
"""(part, objects done, objects in all): told again and again, from any thread."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An object as its bucket lists it."""

    name: str
    size: int
    etag: str


def listed(client: Minio, bucket: str) -> dict[str, Seen]:
    """Everything in a bucket, by name; nothing when there is no such bucket."""
    with _errors(bucket):
        try:
            found = list(client.list_objects(bucket, recursive=True))
        except S3Error as error:
            if error.code in _GONE:
                return {}
            raise
    seen = [Seen(one.object_name or "", one.size or 0, (one.etag or "").strip('"')) for one in found]
    return {one.name: one for one in seen if not one.name.endswith("/")}


def fetch(
    client: Minio, bucket: str, part: str, wanted: Iterable[Seen], folder: BackupFolder, tell: Tell
) -> tuple[dict[str, Entry], int]:
    """Have all of these in the folder: their entries, and how many were moved.

    One that is deleted meanwhile is left out. Raises BackupFailed.
    """
    held = folder.entries(part)

    def one(seen: Seen) -> tuple[Entry | None, bool]:
        known = held.get(seen.name)
        path = folder.path(part, seen.name)
        if known and (known.size, known.etag) == (seen.size, seen.etag) and _has_size(path, seen.size):
            return known, False
        return _adopted(client, bucket, seen, path) or _fetched(client, bucket, seen, path)

    done = [
        (entry, fresh) for entry, fresh in _in_parallel(one, list(wanted), part, tell) if entry is not None
    ]
    return {entry.name: entry for entry, _ in done}, sum(fresh for _, fresh in done)


def bring_back(
    client: Minio, bucket: str, part: str, entries: Mapping[str, Entry], folder: BackupFolder, tell: Tell
) -> int:
    """Put what the bucket lacks; how many objects that were. Raises BackupFailed."""
    there = listed(client, bucket)
    missing = [entry for entry in entries.values() if entry.name not in there]
    # A range of the archive counts by its manifest: files first, so that none counts without its file.
    manifests = [entry for entry in missing if entry.name.endswith(".json")]
    files = [entry for entry in missing if not entry.name.endswith(".json")]

    def one(entry: Entry) -> None:
        path = folder.path(part, entry.name)
        headers: dict[str, str | list[str] | tuple[str]] = dict(entry.headers)
        kind = str(headers.pop("content-type", "application/octet-stream"))
        with _errors(f"{bucket}/{entry.name}"):
            client.fput_object(bucket, entry.name, str(path), kind, headers, part_size=PART_BYTES)

    for group in (files, manifests):
        _in_parallel(one, group, part, tell)
    return len(missing)


def alike(entry: Entry, seen: Seen) -> bool:
    """Whether an object of a bucket is the one of the backup; etags of large ones depend on how they came."""
    same = entry.etag == seen.etag or "-" in entry.etag or "-" in seen.etag
    return same and entry.size == seen.size


def _adopted(client: Minio, bucket: str, seen: Seen, path: Path) -> tuple[Entry, bool] | None:
    """What an interrupted run has fetched already: told by its size and its MD5, which is the etag."""
    if "-" in seen.etag or not _has_size(path, seen.size):
        return None
    content = path.read_bytes()
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != seen.etag:
        return None
    with _errors(f"{bucket}/{seen.name}"):
        said = client.stat_object(bucket, seen.name).metadata or {}
    headers = _kept(said)
    return Entry(seen.name, seen.size, hashlib.sha256(content).hexdigest(), seen.etag, headers), False


def _fetched(client: Minio, bucket: str, seen: Seen, path: Path) -> tuple[Entry | None, bool]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    half = path.with_name(path.name + ".half")
    with _errors(f"{bucket}/{seen.name}"):
        try:
            answer = client.get_object(bucket, seen.name)
        except S3Error as error:
            if error.code in _GONE:
                return None, False
            raise
        try:
            told = {name.lower(): text for name, text in answer.headers.items()}
            etag = told.get("etag", "").strip('"')
            size, sha256, md5 = _written(answer, half)
        finally:
            answer.close()
            answer.release_conn()
    if str(size) != told.get("content-length", str(size)) or ("-" not in etag and md5 != etag):
        raise BackupFailed(f"{bucket}/{seen.name} came damaged: run the backup again")
    half.replace(path)
    return Entry(seen.name, size, sha256, etag, _kept(told)), True


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): text for name, text in headers.items() if name.lower() in _KEPT_HEADERS}


def _written(answer: urllib3.BaseHTTPResponse, half: Path) -> tuple[int, str, str]:
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
        for chunk in answer.stream(1 << 20):
            size += file.write(chunk)
            sha256.update(chunk)
            md5.update(chunk)
        file.flush()
        os.fsync(file.fileno())
    return size, sha256.hexdigest(), md5.hexdigest()


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _in_parallel(one: Callable[[Item], Done], items: Sequence[Item], part: str, tell: Tell) -> list[Done]:
    """Do it to each; the first failure ends it, once what runs has ended."""
    done: list[Done] = []
    with ThreadPoolExecutor(THREADS, "backup") as pool:
        try:
            for result in pool.map(one, items):
                done.append(result)
                tell(part, len(done), len(items))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return done


@contextmanager
def _errors(where: str) -> Iterator[None]:
    try:
        yield
    except S3Error as error:
        raise BackupFailed(f"S3 answers {error.code} ({where}): {error.message}") from error
    except (MinioException, urllib3.exceptions.HTTPError) as error:
        raise BackupFailed(f"S3 does not answer ({where}): {error}") from error
    except OSError as error:
        raise BackupFailed(f"the folder cannot be used ({where}): {error}") from error
