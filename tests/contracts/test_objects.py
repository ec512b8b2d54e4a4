"""The contract of object stores, held by the memory twin and by an S3 server alike."""

import urllib.error
import urllib.request
from itertools import count
from pathlib import Path

import pytest

from infra.clients import s3_client
from infra.clock import SystemClock
from infra.settings import Settings
from projections.position import StoreUnavailable
from projections.renditions.memory import MemoryObjects
from projections.renditions.s3 import S3Objects
from projections.renditions.store import FOREVER, ObjectMissing, Objects

pytestmark = pytest.mark.servers

_NUMBERS = count()


@pytest.fixture
def bucket() -> str:
    return f"contract-{next(_NUMBERS)}"


@pytest.fixture
def s3(s3_settings: Settings, bucket: str) -> S3Objects:
    client = s3_client(s3_settings)
    client.make_bucket(bucket)
    return S3Objects(client)


@pytest.fixture(params=["memory", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "memory":
        return MemoryObjects(tmp_path / "objects")
    found: Objects = request.getfixturevalue("s3")
    return found


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film"
    path.write_bytes(b"\x00film" * 1_000)
    return path


def test_what_was_put_is_got(objects: Objects, bucket: str, film: Path, tmp_path: Path) -> None:
    objects.put_file(bucket, "ab/cd/v1/master.m3u8", film, "application/vnd.apple.mpegurl", FOREVER)
    objects.get_file(bucket, "ab/cd/v1/master.m3u8", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == film.read_bytes()
    told = objects.head(bucket, "ab/cd/v1/master.m3u8")
    assert told is not None
    assert (told.bytes, told.content_type) == (5_000, "application/vnd.apple.mpegurl")
    assert told.etag
    assert abs(told.modified_ms - SystemClock().now_ms()) < 60_000


def test_a_second_put_takes_the_place_of_the_first(objects: Objects, bucket: str, film: Path) -> None:
    objects.put_file(bucket, "a/b.mp4", film, "video/mp4", FOREVER)
    film.write_bytes(b"other")
    objects.put_file(bucket, "a/b.mp4", film, "video/mp4", FOREVER)
    told = objects.head(bucket, "a/b.mp4")
    assert told is not None
    assert told.bytes == 5


def test_what_is_not_there(objects: Objects, bucket: str, tmp_path: Path) -> None:
    assert objects.head(bucket, "nothing.mp4") is None
    assert not objects.exists(bucket, "nothing.mp4")
    with pytest.raises(ObjectMissing):
        objects.get_file(bucket, "nothing.mp4", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    objects.remove(bucket, "nothing.mp4")


def test_what_was_removed_is_gone(objects: Objects, bucket: str, film: Path) -> None:
    objects.put_file(bucket, "a/b.mp4", film, "video/mp4", FOREVER)
    assert objects.exists(bucket, "a/b.mp4")
    objects.remove(bucket, "a/b.mp4")
    assert not objects.exists(bucket, "a/b.mp4")


def test_an_upload_url_takes_one_object(s3: S3Objects, bucket: str) -> None:
    url = s3.presigned_put(bucket, "incoming/up1", 60)
    with urllib.request.urlopen(urllib.request.Request(url, b"bytes", method="PUT")) as answer:
        assert answer.status == 200
    told = s3.head(bucket, "incoming/up1")
    assert told is not None
    assert told.bytes == 5
    elsewhere = url.replace("up1", "up2")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(elsewhere, b"bytes", method="PUT"))
    assert refused.value.code == 403
    refused.value.close()


def test_many_parts(s3: S3Objects, bucket: str, tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        for number in range(20):
            file.write(bytes([number]) * 1024 * 1024)
    s3.put_file(bucket, "a/source", large, "application/octet-stream", FOREVER)
    s3.get_file(bucket, "a/source", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == large.read_bytes()


def test_a_bucket_that_is_not_there_is_an_operators_matter(s3: S3Objects, film: Path) -> None:
    with pytest.raises(StoreUnavailable):
        s3.put_file("no-such-bucket", "a/b.mp4", film, "video/mp4", FOREVER)


def test_a_server_that_is_away_is_unavailable(s3_settings: Settings, film: Path) -> None:
    nobody = S3Objects(s3_client(s3_settings, "127.0.0.1:1"))
    with pytest.raises(StoreUnavailable):
        nobody.put_file("media", "a/b.mp4", film, "video/mp4", FOREVER)
