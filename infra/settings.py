"""Every setting, once: name REELFOLD_<FIELD IN CAPITALS>, read from an environment given as argument.

Defaults are those of the local stack; secrets have none (the local stack makes its own at first
start and keeps them, mode 0600, in the data folder).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

PREFIX = "REELFOLD_"


class InvalidSettings(Exception):
    """Some settings are missing or wrong; the message names every one of them."""


class Settings(BaseModel):
    """What a process needs to know of its surroundings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path = Field(Path(".reelfold"), description="Where the local stack keeps its data.")

    # the wires
    ca_file: str = Field(
        "", description="PEM of the authority that signs the servers' certificates; empty: the system's."
    )
    stack_tls: bool = Field(
        False, description="The local stack's servers speak TLS only, and its broker holds users to ACLs."
    )

    # the log
    kafka_bootstrap: str = Field("127.0.0.1:19092", description="host:port of the brokers.")
    kafka_replication: int = Field(
        1,
        ge=1,
        description="Copies of each partition. Of 3 or more, all but one must hold what is confirmed.",
    )
    kafka_controller_port: int = Field(19093, ge=1, le=65535, description="Of the local stack's broker.")
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: str = "SCRAM-SHA-512"
    kafka_username: str = ""
    kafka_password: SecretStr = SecretStr("")
    kafka_ca_file: str = Field("", description="As REELFOLD_CA_FILE, where Kafka's is another.")
    kafka_acls: bool = Field(False, description="Provision makes the ACLs of infra/provision/acls.py.")
    kafka_producers: str = Field(
        "reelfold-playback=rf.playback.v1,rf.heartbeat.v1",
        description="Trusted producers and all they may write: name=topic,topic;name=topic",
    )
    registry_url: str = Field(
        "http://127.0.0.1:18081/apis/ccompat/v7", description="Confluent-compatible, with its path."
    )
    registry_username: str = Field("", description="Basic authorization, where the registry asks for it.")
    registry_password: SecretStr = SecretStr("")

    # the stores
    redis_url: SecretStr = SecretStr("redis://127.0.0.1:16379/0")
    redis_patience_s: float = Field(
        5.0, ge=0, description="How long a read waits for a Redis that went away before it is answered 503."
    )
    clickhouse_url: str = "http://127.0.0.1:8123"
    clickhouse_database: str = "reelfold"
    clickhouse_user: str = Field("writer", description="Writes tables; made by the stack.")
    clickhouse_password: SecretStr = SecretStr("")
    clickhouse_reader: str = Field("analyst", description="The read-only user.")
    clickhouse_reader_password: SecretStr = SecretStr("")
    s3_endpoint: str = Field("127.0.0.1:19000", description="host:port of the S3 server.")
    s3_secure: bool = False
    s3_access_key: SecretStr = SecretStr("")
    s3_secret_key: SecretStr = SecretStr("")
    s3_region: str = "us-east-1"
    bucket_uploads: str = "reelfold-uploads"
    bucket_originals: str = "reelfold-originals"
    bucket_media: str = Field("reelfold-media", description="Readable by anyone: what players fetch.")
    bucket_keyring: str = Field("reelfold-keyring", description="Sealing keys, and nothing else.")
    bucket_archive: str = Field("reelfold-archive", description="Closed ranges of the log, for ever.")
    media_base_url: str = Field(
        "http://127.0.0.1:19000/reelfold-media", description="Public prefix of the media bucket."
    )
    upload_base_url: str = Field("", description="Public S3 address for presigned PUTs, if another.")

    # the doors
    api_host: str = "127.0.0.1"
    api_port: int = Field(8080, ge=0, le=65535)
    api_more_ports: str = Field(
        "",
        pattern=r"^(\d{1,5}(,\d{1,5})*)?$",
        description="Of the local stack's further API processes, by commas.",
    )
    jwt_secret: SecretStr = Field(SecretStr(""), description="Shared HS256 key, at least 32 bytes.")
    jwt_jwks_url: str = Field("", description="JWKS of the identity provider; wins over the secret.")
    jwt_audience: str = "reelfold"
    api_keys_file: str = Field("", description="JSON: [{id, sha256, scopes, source}].")
    cors_origins: str = Field(
        "", description="Origins whose pages may call the API, by commas; * for all. Tokens, no cookies."
    )
    dev_issuer: bool = Field(
        False, description="Let POST /v1/dev/tokens hand out tokens. Never in production."
    )
    cursor_secret: SecretStr = SecretStr("")
    master_key: SecretStr = Field(SecretStr(""), description="32 bytes, base64: wraps the sealing keys.")
    rate_per_second: float = Field(2_000.0, gt=0, description="Events a second for each principal.")
    rate_burst: int = Field(20_000, gt=0)
    produce_deadline_s: float = Field(10.0, gt=0, description="Past it a POST is answered 503.")
    produce_queue: int = Field(
        100_000,
        ge=1_000,
        description="Events that may wait for the log's yes; past it a POST is answered 503.",
    )

    ready_max_lag: int = Field(100_000, ge=0, description="/readyz: records a fold may be behind.")

    # the folds
    generation: int = Field(1, ge=1, description="The generation this worker folds into.")
    worker_slot: str = Field("0", description="Static membership: the name of this worker's place.")
    worker_web_port: int = Field(16066, ge=0, le=65535)
    effectors: bool = Field(True, description="Run transcodes in this worker. A replay never does.")
    sinks: str = Field(
        "redis,clickhouse",
        pattern=r"^((redis|clickhouse)(,(redis|clickhouse))*)?$",
        description="What this worker folds into. A worker for each sink uses a core for each; one with none "
        "only transcodes or archives.",
    )
    batch_rows: int = Field(20_000, gt=0, description="A record batch is flushed at this many rows")
    batch_age_ms: int = Field(30, ge=0, description="... or at this age.")
    clickhouse_batch_age_ms: int = Field(
        600, ge=0, description="The same for ClickHouse, where every batch makes parts to be merged."
    )
    recent_window_s: int = Field(3_600, gt=0, description="How long plain counts remember event ids.")
    dead_letter_run: int = Field(100, gt=0, description="Unreadable messages in a row that are tolerated")
    dead_letter_share: float = Field(
        0.01, ge=0, description="... and their share of the last 10,000; 1 tolerates all."
    )
    accept_log_loss: bool = Field(
        False, description="Go on at the log's start where it has let go of what was not folded yet."
    )
    archive: bool = Field(True, description="Write closed ranges of the log to the archive bucket.")
    archive_rows: int = Field(50_000, gt=0, description="A range is closed at multiples of this offset")
    archive_age_s: int = Field(3_600, gt=0, description="... or when its first record is this old.")
    celebrity_followers: int = Field(10_000, gt=0, description="From here on feeds pull, not push.")
    feed_cap: int = Field(400, gt=0)

    # media
    upload_max_bytes: int = Field(500_000_000, gt=0)
    video_min_ms: int = Field(3_000, gt=0)
    video_max_ms: int = Field(180_000, gt=0)
    ladder_rungs: str = "1080,720,480,360"
    transcode_attempts: int = Field(3, ge=1)
    transcode_timeout_s: int = Field(900, gt=0)
    lease_s: int = Field(30, ge=3, description="A transcode job's lease; renewed at a third of it.")

    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def api_ports(self) -> tuple[int, ...]:
        """Where the local stack's API processes listen, the first of them first."""
        return (self.api_port, *map(int, filter(None, self.api_more_ports.split(","))))

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """The settings in an environment; raises InvalidSettings that lists all that is wrong."""
        given = {
            name: environ[PREFIX + name.upper()]
            for name in cls.model_fields
            if PREFIX + name.upper() in environ
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            lines = [f"{PREFIX}{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()]
            raise InvalidSettings("; ".join(lines)) from None

    def need(self, *names: str) -> None:
        """Raise InvalidSettings naming every one of these settings that is empty."""
        empty = [name for name in names if not _plain(getattr(self, name))]
        if empty:
            listed = ", ".join(PREFIX + name.upper() for name in empty)
            raise InvalidSettings(f"not set: {listed}")


def _plain(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretStr) else value
