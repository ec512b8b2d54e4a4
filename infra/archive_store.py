"""Where the archive's files are: a bucket, or a folder that behaves like one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Protocol

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

_PART_BYTES = 16 * 1024 * 1024


class ArchiveUnavailable(Exception):
    """The store does not answer, refuses, or has no such file; the message says which."""


class ArchiveStore(Protocol):
    """Files under names with slashes. Every method may raise ArchiveUnavailable."""

    def put_file(self, name: str, path: Path) -> None:
        """Store a file, whole or not at all."""
        ...

    def put(self, name: str, content: bytes) -> None:
        """Store a small document, whole or not at all."""
        ...

    def get_file(self, name: str, path: Path) -> None:
        """Fetch a file."""
        ...

    def get(self, name: str) -> bytes:
        """Fetch a small document."""
        ...

    def names(self, prefix: str) -> list[str]:
        """Every name that begins so, sorted."""
        ...


class S3ArchiveStore:
    """A bucket."""

    def __init__(self, client: Minio, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put_file(self, name: str, path: Path) -> None:
        with self._errors(name):
            self._client.fput_object(self._bucket, name, str(path), part_size=_PART_BYTES)

    def put(self, name: str, content: bytes) -> None:
        with self._errors(name):
            self._client.put_object(self._bucket, name, BytesIO(content), len(content), "application/json")

    def get_file(self, name: str, path: Path) -> None:
        with self._errors(name):
            self._client.fget_object(self._bucket, name, str(path))

    def get(self, name: str) -> bytes:
        with self._errors(name):
            answer = self._client.get_object(self._bucket, name)
            try:
                return bytes(answer.data)
            finally:
                answer.close()
                answer.release_conn()

    def names(self, prefix: str) -> list[str]:
        with self._errors(prefix):
            found = self._client.list_objects(self._bucket, prefix, recursive=True)
            return sorted(one.object_name for one in found if one.object_name is not None)

    @contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        where = f"{self._bucket}/{name}"
        try:
            yield
        except S3Error as error:
            raise ArchiveUnavailable(f"the archive: {error.code} {error.message} ({where})") from error
        except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
            raise ArchiveUnavailable(f"the archive does not answer: {error} ({where})") from error


class FolderArchiveStore:
    """The twin: a folder. Names come from ranges, whose topics are plain words."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put_file(self, name: str, path: Path) -> None:
        shutil.copyfile(path, self._made(name))

    def put(self, name: str, content: bytes) -> None:
        self._made(name).write_bytes(content)

    def get_file(self, name: str, path: Path) -> None:
        path.write_bytes(self.get(name))

    def get(self, name: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except OSError as error:
            raise ArchiveUnavailable(f"the archive has no {name}") from error

    def names(self, prefix: str) -> list[str]:
        every = (path for path in self._folder.rglob("*") if path.is_file())
        names = (path.relative_to(self._folder).as_posix() for path in every)
        return sorted(name for name in names if name.startswith(prefix))

    def _made(self, name: str) -> Path:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
