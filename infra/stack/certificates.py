"""Certificates for the local stack: an authority of its own, and one certificate for each server.

All of it lies in `<data>/tls`, keys with mode 0600. The authority signs nothing but this stack's servers;
its key stays, so that certificates can be made anew before they end. A server has the key of no other.
"""

from collections.abc import Iterable
from pathlib import Path

from infra.stack.secret_file import write_private

SERVERS = ("kafka", "redis", "s3", "clickhouse", "registry")
ALWAYS = ("localhost", "127.0.0.1")


def authority(data: Path) -> Path:
    """The authority's certificate: what clients trust."""
    return _folder(data) / "ca.pem"


def certificate(data: Path, server: str) -> Path:
    """A server's certificate."""
    return _folder(data) / f"{server}.pem"


def private_key(data: Path, server: str) -> Path:
    """A server's key, PKCS 8 without a passphrase."""
    return _folder(data) / f"{server}.key"


def both(data: Path, server: str) -> Path:
    """Key and certificate in one file, as Kafka wants them."""
    return _folder(data) / f"{server}-both.pem"


def ensure_certificates(data: Path, hosts: Iterable[str], now_ms: int) -> list[str]:
    """Make what is missing, ends within 30 days, or does not name all of these hosts; what was made."""
    from infra.stack.signing import Authority, still_good  # its imports take a while

    _folder(data).mkdir(parents=True, exist_ok=True, mode=0o700)
    names, kept, key = sorted({*hosts, *ALWAYS}), authority(data), _folder(data) / "ca.key"
    if not (key.exists() and kept.exists() and still_good(kept.read_text(), now_ms)):
        fresh = Authority.new(now_ms)
        write_private(key, fresh.key_text)
        write_private(kept, fresh.text)
    signer = Authority(kept.read_text(), key.read_text())
    made = [server for server in SERVERS if not _stands(data, server, signer.text, names, now_ms)]
    for server in made:
        signed = signer.sign(server, names, now_ms, is_client=server == "kafka")
        write_private(private_key(data, server), signed.key_text)
        write_private(both(data, server), signed.key_text + signed.text)
        write_private(certificate(data, server), signed.text)  # last: it stands for all three
    return made


def _stands(data: Path, server: str, signer: str, names: list[str], now_ms: int) -> bool:
    from infra.stack.signing import still_good

    path = certificate(data, server)
    return path.exists() and still_good(path.read_text(), now_ms, signer, names)


def _folder(data: Path) -> Path:
    return data / "tls"
