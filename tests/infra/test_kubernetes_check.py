"""The check refuses what Kubernetes would refuse, and says where."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.kubernetes.check import VERSIONS, main, problem, problems
from infra.kubernetes.manifests import core, read

FOUND = list(core())
API = next(one for _, one in FOUND if one["kind"] == "Deployment" and "api" in one["metadata"]["name"])


def test_every_manifest_is_as_each_version_of_kubernetes_wants_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(problems(FOUND)) == []
    assert main() == 0
    said = capsys.readouterr().out
    assert f"{len(FOUND)} manifests" in said
    assert "not validated: 5 of keda" in said


def changed(at: tuple[Any, ...], value: object) -> dict[str, Any]:
    one: Any = copy.deepcopy(API)
    found = one
    for name in at[:-1]:
        found = found[name]
    found[at[-1]] = value
    return dict(one)


@pytest.mark.parametrize(
    ("at", "value", "told"),
    [
        (("spec", "replica"), 3, "replica"),
        (("spec", "replicas"), "3", "spec.replicas"),
        (("spec", "template", "spec", "containers", 0, "readynessProbe"), {}, "readynessProbe"),
        (("kind",), "Deploymnt", "schema for kind Deploymnt"),
        (("apiVersion",), "extensions/v1beta1", "extensions/v1beta1"),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_mistake_is_named(at: tuple[Any, ...], value: object, told: str, version: str) -> None:
    assert problem(API, version) == ""
    assert told in problem(changed(at, value), version)


def test_a_document_without_a_kind_is_none() -> None:
    assert "kind" in problem({"apiVersion": "v1"}, VERSIONS[0])


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "twice.yaml").write_text("kind: A\nmetadata: {name: a, name: b}\n", "utf-8")
    with pytest.raises(yaml.YAMLError, match="stands twice"):
        read(tmp_path / "twice.yaml")
