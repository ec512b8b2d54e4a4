"""The five buckets. Only what players fetch may be read without a signature."""

import json

from minio import Minio
from minio.error import S3Error

from infra.settings import Settings


def ensure_buckets(client: Minio, settings: Settings) -> list[str]:
    """Make the buckets that are missing and set the media bucket's policy; the names made."""
    wanted = (
        settings.bucket_uploads,
        settings.bucket_originals,
        settings.bucket_media,
        settings.bucket_keyring,
        settings.bucket_archive,
    )
    made = [bucket for bucket in wanted if _make(client, bucket)]
    client.set_bucket_policy(settings.bucket_media, public_read(settings.bucket_media))
    return made


def public_read(bucket: str) -> str:
    """A policy by which anyone may GET objects, and not list them."""
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": ["s3:GetObject"],
        "Resource": [f"arn:aws:s3:::{bucket}/*"],
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _make(client: Minio, bucket: str) -> bool:
    try:
        if client.bucket_exists(bucket):
            return False
        client.make_bucket(bucket)
    except S3Error as error:
        if error.code != "BucketAlreadyOwnedByYou":
            raise
        return False
    return True
