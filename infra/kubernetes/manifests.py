"""The manifests as data: those of Kubernetes' own kinds, and those whose schemas come with an operator."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
KUSTOMIZE = "kustomize.config.k8s.io"
OPERATORS = ("keda", "strimzi")
"""Folders of custom resources: read, and not validated."""

Manifest = dict[str, Any]


class _Once(yaml.SafeLoader):  # type: ignore[misc]  # yaml has no types
    """YAML in which a key that stands twice is an error; PyYAML takes the last and says nothing."""


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> Manifest:
    names = [loader.construct_object(name, deep=True) for name, _ in node.value]
    if twice := {name for name in names if names.count(name) > 1}:
        raise yaml.constructor.ConstructorError(None, None, f"{twice} stands twice", node.start_mark)
    found: Manifest = loader.construct_mapping(node, deep=True)
    return found


_Once.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def core(folder: Path = FOLDER) -> Iterator[tuple[Path, Manifest]]:
    """Everything of Kubernetes' own kinds, with its file. Raises yaml.YAMLError."""
    for path in sorted(folder.glob("*.yaml")):
        for one in read(path):
            if not str(one.get("apiVersion")).startswith(KUSTOMIZE):
                yield path, one


def custom(operator: str) -> Iterator[tuple[Path, Manifest]]:
    """The custom resources of an operator, with their files. Raises yaml.YAMLError."""
    yield from core(FOLDER / operator)


def read(path: Path) -> list[Manifest]:
    """The documents of a file. Raises yaml.YAMLError."""
    return [one for one in yaml.load_all(path.read_text("utf-8"), _Once) if one]
