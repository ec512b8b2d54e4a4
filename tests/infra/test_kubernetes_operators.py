"""What KEDA and Strimzi are told is what the tables in the code say, though nothing checks its form."""

from typing import Any

import pytest

from infra.access.principals import ADMIN, API, WORKER, Grant, grants
from infra.kubernetes.manifests import FOLDER, OPERATORS, core, custom
from infra.provision.topics import topic_config
from infra.settings import Settings
from projections.redis_ledger import key
from schemas.book import SchemaBook
from schemas.topics import BY_NAME, TOPICS
from streams import folds
from streams.worker import make_lane
from tests.infra.test_kubernetes import LASTING, of_kind

BOOK = SchemaBook.local()
SETTINGS = of_kind("ConfigMap")["reelfold-settings"]["data"]
REPLICATION = int(SETTINGS["REELFOLD_KAFKA_REPLICATION"])


def named(operator: str, kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one["spec"] for _, one in custom(operator) if one["kind"] == kind}


@pytest.mark.parametrize("operator", OPERATORS)
def test_each_file_says_that_it_is_not_validated(operator: str) -> None:
    for path in (FOLDER / operator).glob("*.yaml"):
        assert path.read_text("utf-8").startswith("# NOT VALIDATED by `make check`")


def test_topics_are_those_of_the_table() -> None:
    found = named("strimzi", "KafkaTopic")
    assert found.keys() == BY_NAME.keys()
    for topic in TOPICS:
        assert found[topic.name]["partitions"] == topic.partitions
        assert found[topic.name]["replicas"] == REPLICATION
        assert found[topic.name]["config"] == topic_config(topic, REPLICATION)


def test_users_may_do_what_the_table_of_principals_says() -> None:
    found = named("strimzi", "KafkaUser")
    assert found.keys() == {ADMIN, API, WORKER}
    for user in (API, WORKER):
        told = {
            Grant(user, operation.upper(), rule["resource"]["type"].upper(), rule["resource"]["name"],
                  rule["resource"]["patternType"] == "prefix")
            for rule in found[user]["authorization"]["acls"]
            for operation in rule["operations"]
        }  # fmt: skip
        assert told == {one for one in grants({}) if one.principal == user}


def test_the_cluster_confirms_as_provision_asks_it_to() -> None:
    (cluster,) = named("strimzi", "Kafka").values()
    assert cluster["kafka"]["config"]["default.replication.factor"] == REPLICATION
    assert cluster["kafka"]["config"]["min.insync.replicas"] == REPLICATION - 1
    (listener,) = cluster["kafka"]["listeners"]
    assert SETTINGS["REELFOLD_KAFKA_BOOTSTRAP"] == f"reelfold-kafka-bootstrap:{listener['port']}"
    assert listener["authentication"]["type"].upper() == SETTINGS["REELFOLD_KAFKA_SASL_MECHANISM"]


def test_lag_is_that_of_the_lanes_own_groups() -> None:
    scaled = named("keda", "ScaledObject")
    generation = int(SETTINGS["REELFOLD_GENERATION"])
    for sink in folds.every_fold(Settings(), generation):
        one = scaled[f"reelfold-fold-{sink}"]
        (trigger,) = one["triggers"]
        lane = make_lane(Settings(generation=generation), sink, BOOK, parks=False)
        assert trigger["metadata"]["consumerGroup"] == lane._config["group.id"]
        assert trigger["metadata"]["bootstrapServers"] == SETTINGS["REELFOLD_KAFKA_BOOTSTRAP"]
        assert one["maxReplicaCount"] == max(topic.partitions for topic in TOPICS), "more would idle"
    (trigger,) = scaled["reelfold-transcoder"]["triggers"]
    assert trigger["metadata"]["listName"] == key(generation, "jobs", "pending")


def test_what_is_scaled_is_there_and_by_one_scaler_only() -> None:
    targets = [one["scaleTargetRef"] for one in named("keda", "ScaledObject").values()]
    targets += [one["spec"]["scaleTargetRef"] for one in of_kind("HorizontalPodAutoscaler").values()]
    for target in targets:
        assert LASTING[target["name"]]["kind"] == target["kind"]
    names = [target["name"] for target in targets]
    assert len(names) == len(set(names))


def test_triggers_name_their_credentials() -> None:
    known = named("keda", "TriggerAuthentication")
    for one in named("keda", "ScaledObject").values():
        assert {trigger["authenticationRef"]["name"] for trigger in one["triggers"]} <= known.keys()


def test_core_manifests_hold_no_custom_resource() -> None:
    assert {path.parent for path, _ in core()} == {FOLDER}
