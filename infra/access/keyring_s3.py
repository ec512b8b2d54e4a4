"""The key store in S3: one object a key, created with If-None-Match so that two gateways agree."""

import ssl
from datetime import timedelta

import urllib3
from minio import Minio
from minio.error import InvalidResponseError, S3Error
from urllib3.exceptions import HTTPError

from infra.access.keyring import KeyringUnavailable

_TIMEOUT = urllib3.Timeout(connect=2.0, read=5.0)
_EXPIRES = timedelta(minutes=5)
_TAKEN = (409, 412)
KEYS = "keys/"


class S3KeyStore:
    """Keys under `keys/<name>` in the keyring's own bucket."""

    def __init__(self, client: Minio, bucket: str, trusted: ssl.SSLContext | None = None) -> None:
        self._client = client
        self._bucket = bucket
        self._http = urllib3.PoolManager(timeout=_TIMEOUT, retries=False, ssl_context=trusted)

    def get(self, name: str) -> bytes | None:
        try:
            answer = self._client.get_object(self._bucket, _key(name))
            try:
                return bytes(answer.read())
            finally:
                answer.close()
                answer.release_conn()
        except S3Error as error:
            if error.code == "NoSuchKey":
                return None
            raise KeyringUnavailable(f"S3: {error.code}") from error
        except (HTTPError, InvalidResponseError, OSError) as error:
            raise KeyringUnavailable(f"S3: {type(error).__name__}") from error

    def create(self, name: str, body: bytes) -> bytes:
        if self._put_if_absent(name, body):
            return body
        standing = self.get(name)
        if standing is None:
            raise KeyringUnavailable("the key was deleted while it was made")
        return standing

    def delete(self, name: str) -> None:
        try:
            self._client.remove_object(self._bucket, _key(name))
        except (S3Error, HTTPError, InvalidResponseError, OSError) as error:
            raise KeyringUnavailable(f"S3: {type(error).__name__}") from error

    def _put_if_absent(self, name: str, body: bytes) -> bool:
        """False when there is one already. The client has no conditional put: a presigned one does."""
        try:
            url = self._client.presigned_put_object(self._bucket, _key(name), _EXPIRES)
            answer = self._http.request("PUT", url, body=body, headers={"If-None-Match": "*"})
        except (S3Error, HTTPError, InvalidResponseError, OSError) as error:
            raise KeyringUnavailable(f"S3: {type(error).__name__}") from error
        if answer.status == 200:
            return True
        if answer.status in _TAKEN:
            return False
        raise KeyringUnavailable(f"S3 answered {answer.status} to a new key")


def _key(name: str) -> str:
    return f"{KEYS}{name}"
