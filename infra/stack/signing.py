"""X.509 for the local stack: an authority, and what it signs. Pure: files and the clock are the caller's."""

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS, SERVER_DAYS, RENEW_DAYS = 3_650, 397, 30


@dataclass(frozen=True, slots=True)
class Signed:
    """A certificate and its key, as PEM."""

    text: str
    key_text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Authority(Signed):
    """Who signs. Its key signs certificates of servers, never those of another authority."""

    @classmethod
    def new(cls, now_ms: int) -> "Authority":
        """One that nobody knows yet, for ten years."""
        key, name = generate_private_key(SECP256R1()), _named("Reelfold local stack")
        made = (
            _unsigned(name, name, key, now_ms, AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        return cls(_text(made.sign(key, SHA256())), _key_text(key))

    def sign(self, name: str, hosts: Collection[str], now_ms: int, is_client: bool = False) -> Signed:
        """A certificate for a server at these names and addresses; ``is_client``: its own calls show it."""
        key, signer = generate_private_key(SECP256R1()), load_pem_private_key(self.key_text.encode(), None)
        if not isinstance(signer, EllipticCurvePrivateKey):
            raise TypeError("the authority's key is not of the kind that it makes")
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH]
        if is_client:
            purposes.append(ExtendedKeyUsageOID.CLIENT_AUTH)
        own = x509.load_pem_x509_certificate(self.text.encode())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        made = (
            _unsigned(_named(name), own.subject, key, now_ms, SERVER_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.SubjectAlternativeName([_general(host) for host in hosts]), critical=False)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(issuer, critical=False)
        )
        return Signed(_text(made.sign(signer, SHA256())), _key_text(key))


def still_good(text: str, now_ms: int, signer: str = "", hosts: Collection[str] = ()) -> bool:
    """Whether a certificate lasts another 30 days, is signed by this authority and names these hosts."""
    found = x509.load_pem_x509_certificate(text.encode())
    if found.not_valid_after_utc - timedelta(days=RENEW_DAYS) < _moment(now_ms):
        return False
    if not signer:
        return True
    try:
        found.verify_directly_issued_by(x509.load_pem_x509_certificate(signer.encode()))
    except (ValueError, TypeError, InvalidSignature):
        return False
    told = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {_general(host) for host in hosts} <= set(told)


def _unsigned(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, now_ms: int, days: int
) -> x509.CertificateBuilder:
    since = _moment(now_ms) - timedelta(hours=1)  # clocks differ a little
    return x509.CertificateBuilder(
        subject_name=subject,
        issuer_name=issuer,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=since,
        not_valid_after=since + timedelta(days=days),
    )


def _moment(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms / 1000, UTC)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _text(made: x509.Certificate) -> str:
    return made.public_bytes(Encoding.PEM).decode()


def _key_text(key: EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
