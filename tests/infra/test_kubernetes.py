"""The manifests say what the code says: settings, commands, pages, ports, and whose pods each rule means."""

import importlib.util
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from api.health import router
from infra.kubernetes.manifests import FOLDER, Manifest, core, read
from infra.settings import PREFIX, Settings
from streams import folds, web
from streams.worker import lane_config

COMPOSE = yaml.safe_load((FOLDER.parents[1] / "docker-compose.yml").read_text("utf-8"))
MANIFESTS = [one for _, one in core()]
KINDS_WITH_PODS = ("Deployment", "StatefulSet", "Job")
WORKLOADS = {one["metadata"]["name"]: one for one in MANIFESTS if one["kind"] in KINDS_WITH_PODS}
LASTING = {name: one for name, one in WORKLOADS.items() if one["kind"] != "Job"}
EXAMPLE_URL = "redis://redis.stores.svc:6379/0"


def of_kind(kind: str) -> dict[str, Manifest]:
    return {one["metadata"]["name"]: one for one in MANIFESTS if one["kind"] == kind}


def pod(workload: Manifest) -> dict[str, Any]:
    spec: dict[str, Any] = workload["spec"]["template"]["spec"]
    return spec


def labels(workload: Manifest) -> dict[str, str]:
    found: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return found


def container(workload: Manifest) -> dict[str, Any]:
    (only,) = pod(workload)["containers"]
    return dict(only)


def environment(workload: Manifest) -> dict[str, str]:
    """As the process will see it; what is secret or the pod's own has a value of the right shape."""
    one: dict[str, Any] = container(workload)
    found: dict[str, str] = {}
    for source in one["envFrom"]:
        if "configMapRef" in source:
            found |= of_kind("ConfigMap")[source["configMapRef"]["name"]]["data"]
        else:
            names = of_kind("Secret")[source["secretRef"]["name"]]["stringData"]
            found |= {name: EXAMPLE_URL if name.endswith("_URL") else "secret" for name in names}
    for given in one["env"]:
        assert given["name"] not in found, f"{given['name']} is said twice"
        found[given["name"]] = given.get("value", "from-elsewhere")
    return found


def chosen(selector: dict[str, str], among: dict[str, Manifest] = WORKLOADS) -> list[str]:
    return [name for name, one in among.items() if selector.items() <= labels(one).items()]


def pages_of_the_worker() -> set[str]:
    found: set[str] = set()

    def page(path: str, name: str) -> Any:
        found.add(path)
        return lambda view: view

    web.register(SimpleNamespace(page=page), [], list)  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_variable_is_a_setting_and_all_of_them_together_are_valid(name: str) -> None:
    given = environment(WORKLOADS[name])
    assert {one for one in given if one.startswith(PREFIX)} == set(given)
    assert {one.removeprefix(PREFIX).lower() for one in given} <= set(Settings.model_fields)
    settings = Settings.from_env(given)
    settings.need("kafka_username", "kafka_password", "s3_access_key", "s3_secret_key")
    assert settings.kafka_replication == 3
    assert not settings.dev_issuer


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_command_is_a_module_and_the_one_that_compose_starts(name: str) -> None:
    command = container(WORKLOADS[name])["command"]
    assert command[:2] == ["python", "-m"]
    assert importlib.util.find_spec(command[2]) is not None
    assert command in [service.get("command") for service in COMPOSE["services"].values()]


@pytest.mark.parametrize("name", LASTING)
def test_probes_ask_pages_that_there_are_where_they_are(name: str) -> None:
    one = container(LASTING[name])
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        if name == "reelfold-api":
            http = one[kind]["httpGet"]
            assert http["path"] in {getattr(route, "path", "") for route in router.routes}
            assert http["port"] in [port["name"] for port in one["ports"]]
        else:
            words = one[kind]["exec"]["command"]
            compile(words[2], "probe", "exec")
            asked = urlsplit(words[2].split("'")[1])
            assert asked.hostname == "127.0.0.1"
            assert asked.path in pages_of_the_worker()
            assert asked.port == Settings.from_env(environment(LASTING[name])).worker_web_port


def test_a_red_readyz_takes_no_pod_of_the_api_out_of_its_service() -> None:
    """All pods share what it tells of: they would all be gone, and with them the door for posts."""
    assert container(WORKLOADS["reelfold-api"])["readinessProbe"]["httpGet"]["path"] == "/healthz"


def test_the_port_of_the_api_is_one_port_everywhere() -> None:
    api = container(WORKLOADS["reelfold-api"])
    (port,) = api["ports"]
    (served,) = of_kind("Service")["reelfold-api"]["spec"]["ports"]
    (door,) = of_kind("NetworkPolicy")["reelfold-api-door"]["spec"]["ingress"]
    told = WORKLOADS["reelfold-api"]["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"]
    listens = int(api["command"][api["command"].index("--port") + 1])
    assert {port["containerPort"], int(told), *(one["port"] for one in door["ports"])} == {listens}
    assert served["targetPort"] == port["name"]


def test_our_pods_may_reach_what_the_settings_name() -> None:
    settings = of_kind("ConfigMap")["reelfold-settings"]["data"]
    rules = of_kind("NetworkPolicy")["reelfold-out"]["spec"]["egress"]
    allowed = {port["port"] for rule in rules for port in rule["ports"]}
    wanted = {int(settings["REELFOLD_KAFKA_BOOTSTRAP"].rpartition(":")[2]), urlsplit(EXAMPLE_URL).port}
    wanted |= {urlsplit(settings[f"REELFOLD_{name}_URL"]).port for name in ("REGISTRY", "CLICKHOUSE")}
    assert wanted | {53, 443} == allowed


def test_each_disruption_budget_is_of_one_workload_and_each_workload_has_one() -> None:
    meant = [
        chosen(one["spec"]["selector"]["matchLabels"]) for one in of_kind("PodDisruptionBudget").values()
    ]
    assert sorted(meant) == [[name] for name in sorted(LASTING)]


def test_selectors_mean_their_own_pods_and_nobody_elses() -> None:
    for name, one in LASTING.items():
        assert chosen(one["spec"]["selector"]["matchLabels"]) == [name]
        for rule in pod(one)["topologySpreadConstraints"]:
            assert chosen(rule["labelSelector"]["matchLabels"]) == [name]
    services = of_kind("Service")
    assert chosen(services["reelfold-api"]["spec"]["selector"]) == ["reelfold-api"]
    sets = {name: one for name, one in LASTING.items() if one["kind"] == "StatefulSet"}
    assert sorted(chosen(services["reelfold-workers"]["spec"]["selector"])) == sorted(sets)
    assert {one["spec"]["serviceName"] for one in sets.values()} == {"reelfold-workers"}
    policies = of_kind("NetworkPolicy")
    everybody = [chosen(policies[name]["spec"]["podSelector"]["matchLabels"]) for name in policies]
    assert sorted(everybody, key=len) == [["reelfold-api"], list(WORKLOADS), list(WORKLOADS)]


def test_the_autoscaler_finds_its_deployment_and_what_its_share_is_a_share_of() -> None:
    ((_, scaler),) = of_kind("HorizontalPodAutoscaler").items()
    target = scaler["spec"]["scaleTargetRef"]
    scaled = WORKLOADS[target["name"]]
    assert (target["kind"], target["apiVersion"]) == (scaled["kind"], scaled["apiVersion"])
    assert "replicas" not in scaled["spec"], "each apply would set the number back"
    (metric,) = scaler["spec"]["metrics"]
    assert metric["resource"]["name"] in container(scaled)["resources"]["requests"]
    budget = of_kind("PodDisruptionBudget")[target["name"]]["spec"]["maxUnavailable"]
    assert scaler["spec"]["minReplicas"] > budget


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_pod_may_do_no_more_than_it_must(name: str) -> None:
    spec, one = pod(WORKLOADS[name]), container(WORKLOADS[name])
    assert spec["automountServiceAccountToken"] is False
    assert of_kind("ServiceAccount")[spec["serviceAccountName"]]["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert one["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} <= one["resources"]["requests"].keys()
    assert "memory" in one["resources"]["limits"]


@pytest.mark.parametrize("name", WORKLOADS)
def test_what_a_pod_writes_to_is_there_and_bounded(name: str) -> None:
    spec = pod(WORKLOADS[name])
    mounts = {mount["name"]: mount["mountPath"] for mount in container(WORKLOADS[name])["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert mounts.keys() == volumes.keys()
    assert {mounts["data"], mounts["tmp"]} == {environment(WORKLOADS[name])["REELFOLD_DATA"], "/tmp"}
    assert all("sizeLimit" in one["emptyDir"] for one in volumes.values() if "emptyDir" in one)
    ca_file = Path(environment(WORKLOADS[name])["REELFOLD_KAFKA_CA_FILE"])
    assert ca_file.parent == Path(mounts["kafka-ca"])
    assert ca_file.name in [item["path"] for item in volumes["kafka-ca"]["secret"]["items"]]


def test_kubernetes_sets_no_variables_of_its_own_that_look_like_settings() -> None:
    """For the Service reelfold-api it would set REELFOLD_API_PORT=tcp://...: an invalid setting."""
    services = {f"{name.upper().replace('-', '_')}_PORT" for name in of_kind("Service")}
    assert services & {PREFIX + name.upper() for name in Settings.model_fields}
    assert {name: pod(one)["enableServiceLinks"] for name, one in WORKLOADS.items()} == dict.fromkeys(
        WORKLOADS, False
    )


def test_each_kind_of_work_is_done_by_one_workload() -> None:
    workers = {
        name: Settings.from_env(environment(one))
        for name, one in LASTING.items()
        if container(one)["command"][-1] == "streams.worker"
    }
    every = folds.every_fold(Settings(), 1)
    sinks = [sink for one in workers.values() for sink in filter(None, one.sinks.split(","))]
    assert sorted(sinks) == sorted(every)
    assert [name for name, one in workers.items() if one.effectors] == ["reelfold-transcoder"]
    assert [name for name, one in workers.items() if one.archive] == ["reelfold-archiver"]
    assert {one.generation for one in workers.values()} == {1}


def test_no_two_workers_share_a_slot_and_static_members_keep_theirs() -> None:
    for name, one in LASTING.items():
        if name == "reelfold-api":
            continue
        (slot,) = [given for given in container(one)["env"] if given["name"] == "REELFOLD_WORKER_SLOT"]
        assert slot["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
        settings = Settings.from_env(environment(one))
        if settings.sinks or settings.archive:
            assert one["kind"] == "StatefulSet"
    member = lane_config(Settings(worker_slot="reelfold-fold-redis-0"), "redis", "group")["group.instance.id"]
    assert member == "redis-reelfold-fold-redis-0"


def test_secrets_are_named_and_not_told() -> None:
    secrets = of_kind("Secret")
    assert {value for one in secrets.values() for value in one["stringData"].values()} == {""}
    secret = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    plain = {PREFIX + name.upper() for name in Settings.model_fields if name not in secret}
    assert not plain & {name for one in secrets.values() for name in one["stringData"]}
    open_ = set(of_kind("ConfigMap")["reelfold-settings"]["data"])
    assert not open_ & {PREFIX + name.upper() for name in secret}
    for one in WORKLOADS.values():
        for given in container(one)["env"]:
            if source := given.get("valueFrom", {}).get("secretKeyRef"):
                assert source["key"] in secrets[source["name"]]["stringData"]
    example = {one["metadata"]["name"] for one in read(FOLDER / "secrets.example.yaml")}
    assert example == set(secrets), "a secret of another file would be applied, empty"


def test_the_api_has_what_it_asks_for_and_workers_have_not_the_keys_to_sealed_fields() -> None:
    Settings.from_env(environment(WORKLOADS["reelfold-api"])).need(
        "cursor_secret", "master_key", "jwt_jwks_url"
    )
    for name, one in WORKLOADS.items():
        assert ("REELFOLD_MASTER_KEY" in environment(one)) is (name == "reelfold-api")


def test_every_file_is_applied_but_the_example() -> None:
    for folder in (FOLDER, FOLDER / "keda", FOLDER / "strimzi"):
        (said,) = read(folder / "kustomization.yaml")
        files = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml", "secrets.example.yaml"}
        assert sorted(said["resources"]) == sorted(files)
    (said,) = read(FOLDER / "kustomization.yaml")
    (image,) = said["images"]
    assert {container(one)["image"] for one in WORKLOADS.values()} == {image["name"]}


def test_the_user_of_the_pods_is_the_first_that_the_image_makes() -> None:
    """`useradd` in an image without users gives 1000; pods may write to their volumes as its group."""
    dockerfile = (FOLDER.parent / "images" / "Dockerfile").read_text("utf-8")
    made = [shlex.split(line)[1:] for line in dockerfile.splitlines() if line.startswith("RUN useradd")]
    assert [words[:3] for words in made] == [["useradd", "--create-home", "reelfold"]]
    ids = {
        pod(one)["securityContext"][kind] for one in WORKLOADS.values() for kind in ("runAsUser", "fsGroup")
    }
    assert ids == {1000}
