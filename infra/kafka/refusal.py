"""Why the brokers do not answer: their "failed to get metadata" hides a wrong password and a wrong wire."""

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from infra.kafka.config import connection
from infra.settings import Settings

_TURNED_AWAY = (KafkaError._AUTHENTICATION, KafkaError._SSL)  # noqa: SLF001 - librdkafka's names
_SILENT = (KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN)  # noqa: SLF001
_SLICE_S, _POLL_S = 1.0, 0.1


class Refusals:
    """A client's `error_cb`: it remembers who was turned away."""

    def __init__(self, settings: Settings) -> None:
        self._security = settings.kafka_security
        self.last: KafkaError | None = None
        """The last time that the brokers, or we, would not go on talking."""

    def __call__(self, error: KafkaError) -> None:
        if error.code() in _TURNED_AWAY:
            self.last = error

    def explained(self, error: KafkaException) -> KafkaException:
        """The error with what is known of its cause."""
        plain = error.args[0]
        if self.last is not None:
            return KafkaException(self.last)
        if isinstance(plain, KafkaError) and plain.code() in _SILENT:
            advice = "is that what the brokers speak (REELFOLD_KAFKA_SECURITY)?"
            said = f"{plain.str()} over {self._security}: do they run, and {advice}"
            return KafkaException(KafkaError(plain.code(), said))
        return error


@contextmanager
def admin_client(settings: Settings, timeout_s: float = 30.0) -> Iterator[AdminClient]:
    """A client that the brokers have let in. Raises KafkaException: at once when they turn us away, past
    the bound when they stay silent."""
    refusals = Refusals(settings)
    admin = AdminClient(connection(settings) | {"error_cb": refusals}, logger=None)
    _knock(admin, refusals, timeout_s)
    try:
        yield admin
    except KafkaException as error:
        admin.poll(_POLL_S)
        raise refusals.explained(error) from error


def _knock(admin: AdminClient, refusals: Refusals, timeout_s: float) -> None:
    left = timeout_s
    while True:
        try:
            admin.list_topics(timeout=min(left, _SLICE_S))
        except KafkaException as error:
            admin.poll(_POLL_S)
            left -= _SLICE_S
            if refusals.last is not None or left <= 0:
                raise refusals.explained(error) from error
        else:
            return
