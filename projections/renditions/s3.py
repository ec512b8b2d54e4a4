"""Objects in an S3 store, through the MinIO client."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from projections.position import StoreUnavailable
from projections.renditions.store import ObjectInfo, ObjectMissing

PART_BYTES = 16 * 1024 * 1024
MISSING = frozenset(["NoSuchKey", "NoSuchObject", "ResourceNotFound"])


class S3Objects:
    """Files under keys. ``public`` signs upload URLs where clients reach the store under another address.

    Clients must be given a region: they would ask the server for it before every signature.
    """

    def __init__(self, client: Minio, public: Minio | None = None) -> None:
        self._client = client
        self._public = public or client

    def put_file(self, bucket: str, key: str, path: Path, content_type: str, cache_control: str) -> None:
        with _errors(bucket, key):
            self._client.fput_object(
                bucket,
                key,
                str(path),
                content_type=content_type,
                metadata={"Cache-Control": cache_control},
                part_size=PART_BYTES,
            )

    def get_file(self, bucket: str, key: str, path: Path) -> None:
        with _errors(bucket, key):
            self._client.fget_object(bucket, key, str(path))

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        try:
            with _errors(bucket, key):
                found = self._client.stat_object(bucket, key)
        except ObjectMissing:
            return None
        modified_ms = round(found.last_modified.timestamp() * 1000) if found.last_modified else 0
        etag = (found.etag or "").strip('"')
        return ObjectInfo(found.size or 0, found.content_type or "", etag, modified_ms)

    def exists(self, bucket: str, key: str) -> bool:
        return self.head(bucket, key) is not None

    def remove(self, bucket: str, key: str) -> None:
        with _errors(bucket, key):
            self._client.remove_object(bucket, key)

    def presigned_put(self, bucket: str, key: str, ttl_s: int) -> str:
        return str(self._public.presigned_put_object(bucket, key, timedelta(seconds=ttl_s)))


@contextmanager
def _errors(bucket: str, key: str) -> Iterator[None]:
    """A missing object is ObjectMissing; everything else the store says or does not say is its absence.

    A refusal (wrong keys, no such bucket) too: it is mended by an operator, and the work then goes on.
    """
    try:
        yield
    except S3Error as error:
        if error.code in MISSING:
            raise ObjectMissing(bucket, key) from error
        raise StoreUnavailable(f"s3: {error.code} {error.message} ({bucket}/{key})") from error
    except (MinioException, urllib3.exceptions.HTTPError) as error:
        raise StoreUnavailable(f"s3 does not answer: {error}") from error
