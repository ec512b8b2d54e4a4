"""The local stack with REELFOLD_STACK_TLS: every server speaks TLS only, on the ports it has without.

The addresses of the settings follow (https, rediss, SASL_SSL), whatever scheme they were given with, and
each part of ours shows Kafka a name of its own. The passwords of those names lie with the other secrets.
"""

from collections.abc import Mapping, MutableMapping
from urllib.parse import urlsplit

from infra.access.principals import ADMIN, API, BROKER, WORKER, trusted_producers
from infra.settings import PREFIX, InvalidSettings, Settings
from infra.stack.certificates import authority, ensure_certificates
from infra.stack.secret_file import kept_secrets, principal_word

FORMAT_ARGUMENTS = "format.args"


def principals(settings: Settings) -> tuple[str, ...]:
    """Every name that the local broker knows."""
    return (ADMIN, BROKER, API, WORKER, *trusted_producers(settings.kafka_producers))


def secured(given: MutableMapping[str, str], settings: Settings, passwords: Mapping[str, str]) -> None:
    """Turn the addresses in this environment to TLS, and let it be the administrator's at the broker."""
    data = settings.data.resolve()
    given[f"{PREFIX}CA_FILE"] = str(authority(data))
    given[f"{PREFIX}KAFKA_SECURITY"] = "SASL_SSL"
    given[f"{PREFIX}KAFKA_ACLS"] = "true"
    given[f"{PREFIX}S3_SECURE"] = "true"
    for name, url, scheme in (
        ("REDIS_URL", given.get(f"{PREFIX}REDIS_URL", settings.redis_url.get_secret_value()), "rediss"),
        ("CLICKHOUSE_URL", settings.clickhouse_url, "https"),
        ("REGISTRY_URL", settings.registry_url, "https"),
    ):
        given[PREFIX + name] = urlsplit(url)._replace(scheme=scheme).geturl()
    password = passwords.get(principal_word(ADMIN))  # none before the first start
    if password and f"{PREFIX}KAFKA_USERNAME" not in given:
        given[f"{PREFIX}KAFKA_USERNAME"] = ADMIN
        given[f"{PREFIX}KAFKA_PASSWORD"] = password


def hosts(settings: Settings) -> set[str]:
    """What the servers are called in the addresses: their certificates must say so."""
    urls = (settings.redis_url.get_secret_value(), settings.clickhouse_url, settings.registry_url)
    plain = (*settings.kafka_bootstrap.split(","), settings.s3_endpoint)
    found = [urlsplit(url).hostname for url in urls] + [urlsplit(f"//{one}").hostname for one in plain]
    return {host for host in found if host}


def prepared(settings: Settings, now_ms: int) -> None:
    """Have certificates for every server. Raises InvalidSettings for a folder that was made without TLS:
    its broker has no users, and none of them could add the first."""
    data = settings.data.resolve()
    broker = data / "kafka"
    if (broker / "log" / "meta.properties").exists() and not (broker / FORMAT_ARGUMENTS).exists():
        raise InvalidSettings(
            f"REELFOLD_STACK_TLS: the broker in {data} was made without it, and so has no users; use another "
            "REELFOLD_DATA (and bring the data over with `reelfold backup` and `reelfold restore`)"
        )
    ensure_certificates(data, hosts(settings), now_ms)


def as_principal(environment: Mapping[str, str], settings: Settings, name: str) -> Mapping[str, str]:
    """The environment of a part that shows this name to Kafka; of none, with an empty name."""
    if not settings.stack_tls:
        return environment
    password = kept_secrets(settings.data).get(principal_word(name), "") if name else ""
    return {
        **environment,
        f"{PREFIX}KAFKA_USERNAME": name,
        f"{PREFIX}KAFKA_PASSWORD": password,
    }
