"""The Faust app: its agents, worker command, timers and web; the big topics' bytes pass beside it.

Settings are those that RELIABILITY.md 1.6 found to be safe. Nothing is built at import.
"""

import logging
from typing import Any

import faust

from infra.access.tls import trust
from infra.settings import Settings

SESSION_S = 10.0


def build(settings: Settings) -> faust.App:
    """An app without agents yet. Web on loopback only: Faust's own routes are open to whoever reaches it."""
    return faust.App(
        f"reelfold.worker.g{settings.generation}",
        broker=[f"kafka://{one}" for one in settings.kafka_bootstrap.split(",")],
        **_credentials(settings),
        broker_session_timeout=SESSION_S,
        broker_heartbeat_interval=2.0,
        broker_max_poll_interval=300.0,
        broker_commit_interval=1.0,
        broker_check_crcs=True,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=f"worker-{settings.worker_slot}",
        key_serializer="raw",
        value_serializer="raw",
        processing_guarantee="at_least_once",
        producer_request_timeout=30.0,
        stream_buffer_maxsize=1024,
        table_standby_replicas=0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_bind="127.0.0.1",
        web_host="127.0.0.1",
        web_port=settings.worker_web_port,
        worker_redirect_stdouts=False,
        logging_config={"version": 1, "disable_existing_loggers": False, "incremental": True},
        loghandlers=list(logging.root.handlers),
        datadir=str(settings.data / f"faust-g{settings.generation}"),
    )


def _credentials(settings: Settings) -> dict[str, Any]:
    """TLS and SASL as aiokafka takes them."""
    if settings.kafka_security == "PLAINTEXT":
        return {}
    secure = settings.kafka_security.endswith("SSL")
    context = trust(settings.kafka_ca_file or settings.ca_file) if secure else None
    if not settings.kafka_security.startswith("SASL"):
        return {"broker_credentials": faust.SSLCredentials(context)}
    return {
        "broker_credentials": faust.SASLCredentials(
            mechanism=settings.kafka_sasl_mechanism,
            username=settings.kafka_username,
            password=settings.kafka_password.get_secret_value(),
            ssl_context=context,
        )
    }
