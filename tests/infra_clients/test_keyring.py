"""Sealing: the keyring's own rules over the memory store, and the key stores' contract."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import clients
from infra.access.keyring import KEY_LIFE_MS, Keyring, KeyringUnavailable, KeyStore, MemoryKeyStore
from infra.access.keyring_s3 import S3KeyStore
from infra.clock import HandClock
from infra.provision.buckets import ensure_buckets
from infra.settings import Settings

MASTER = b"m" * 32


@pytest.fixture(params=["memory", pytest.param("s3", marks=pytest.mark.servers)])
def store(request: pytest.FixtureRequest) -> Iterator[KeyStore]:
    """A key store; each test uses names of its own."""
    if request.param == "memory":
        yield MemoryKeyStore()
        return
    settings: Settings = request.getfixturevalue("s3_settings")
    client = clients.s3_client(settings)
    ensure_buckets(client, settings)
    yield S3KeyStore(client, settings.bucket_keyring)


def ring(store: KeyStore, clock: HandClock | None = None, master: bytes = MASTER) -> Keyring:
    return Keyring(store, master, clock or HandClock())


def test_a_store_keeps_the_first_of_two(store: KeyStore) -> None:
    assert store.get("first") is None
    assert store.create("first", b"one") == b"one"
    assert store.create("first", b"two") == b"one"
    assert store.get("first") == b"one"
    store.delete("first")
    store.delete("first")
    assert store.get("first") is None


def test_gateways_that_begin_together_agree_on_the_key(store: KeyStore) -> None:
    rings = [ring(store) for _ in range(8)]
    sealed: list[tuple[str, str]] = []
    threads = [
        threading.Thread(target=lambda r=one: sealed.append(r.seal("zed", "e1", {"text": "hi"})))
        for one in rings
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({key_id for _, key_id in sealed}) == 1
    assert all(ring(store).open(pii, key_id, "e1") == {"text": "hi"} for pii, key_id in sealed)


def test_a_forgotten_key_opens_nothing_and_its_successor_is_another(store: KeyStore) -> None:
    mine = ring(store)
    pii, key_id = mine.seal("gone", "e1", {"text": "hi"})
    mine.forget("gone")
    assert mine.open(pii, key_id, "e1") is None
    assert ring(store).open(pii, key_id, "e1") is None
    again, successor = mine.seal("gone", "e2", {"text": "new"})
    assert successor != key_id
    assert mine.open(again, successor, "e2") == {"text": "new"}
    assert mine.open(pii, key_id, "e1") is None


@given(st.text(), st.dictionaries(st.text(), st.integers(0, 2**53) | st.text() | st.none(), max_size=3))
def test_what_is_sealed_opens_only_as_its_own_event(subject: str, fields: dict[str, object]) -> None:
    store = MemoryKeyStore()
    pii, key_id = ring(store).seal(subject, "e1", fields)
    assert ring(store).open(pii, key_id, "e1") == fields
    assert ring(store).open(pii, key_id, "e2") is None
    assert ring(store).open(pii[:-8], key_id, "e1") is None
    assert ring(store).open("not base64!", key_id, "e1") is None


def test_a_key_is_read_once_and_again_after_its_life() -> None:
    clock, store = HandClock(), MemoryKeyStore()
    mine, other = ring(store, clock), ring(store, clock)
    pii, key_id = mine.seal("ann", "e1", {"a": 1})
    assert mine.seal("ann", "e2", {"a": 2})[1] == key_id
    other.forget("ann")
    assert mine.open(pii, key_id, "e1") == {"a": 1}  # still held
    clock.advance(KEY_LIFE_MS + 1)
    assert mine.open(pii, key_id, "e1") is None


def test_a_wrong_master_key_is_an_outage_and_not_an_erasure() -> None:
    store = MemoryKeyStore()
    pii, key_id = ring(store).seal("ann", "e1", {"a": 1})
    with pytest.raises(KeyringUnavailable):
        ring(store, master=b"w" * 32).open(pii, key_id, "e1")


def test_neither_the_key_nor_the_name_is_in_the_store() -> None:
    store = MemoryKeyStore()
    pii, key_id = ring(store).seal("ann@example.org", "e1", {"text": "a secret"})
    held = repr(store.objects) + pii + key_id
    assert "ann" not in held
    assert "secret" not in held


def test_an_s3_that_is_down_is_told() -> None:
    settings = Settings(s3_endpoint="127.0.0.1:26498", s3_access_key="a", s3_secret_key="b")
    store = S3KeyStore(clients.s3_client(settings), "keys")
    with pytest.raises(KeyringUnavailable):
        store.get("a")
    with pytest.raises(KeyringUnavailable):
        store.create("a", b"b")
    with pytest.raises(KeyringUnavailable):
        store.delete("a")
