"""`python -m infra.kubernetes.check`: every manifest of Kubernetes' own kinds against its strict schema.

Strict: a field that Kubernetes does not know is an error, as is a kind without a schema. The schemas come
with kubernetes-validate; nothing is asked of a cluster. Custom resources (KEDA, Strimzi) are only read.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml
from kubernetes_validate import SchemaNotFoundError, ValidationError, validate

from infra.kubernetes.manifests import FOLDER, OPERATORS, Manifest, core, custom

VERSIONS = ("1.34", "1.37")
"""The oldest and the newest Kubernetes that the manifests are for."""


def problems(found: Sequence[tuple[Path, Manifest]]) -> Iterator[str]:
    """What is wrong with these, a line each."""
    for path, manifest in found:
        for version in VERSIONS:
            if said := problem(manifest, version):
                yield f"{path.name}: {named(manifest)} in Kubernetes {version}: {said}"


def problem(manifest: Manifest, version: str) -> str:
    """What this version of Kubernetes would refuse; empty for nothing."""
    if not {"apiVersion", "kind", "metadata"} <= manifest.keys():
        return "apiVersion, kind and metadata are needed"
    try:
        validate(manifest, version, strict=True)
    except ValidationError as error:
        return f"{'.'.join(map(str, error.path))}: {error.message}"
    except SchemaNotFoundError as error:
        return str(error.message)
    return ""


def named(manifest: Manifest) -> str:
    """As people call it: "Deployment reelfold-api"."""
    return f"{manifest.get('kind')} {manifest.get('metadata', {}).get('name')}"


def main() -> int:
    """Exit code: 0 when all is as it should be, else 1, with a line for everything that is not."""
    try:
        found = list(core(FOLDER))
        others = {operator: len(list(custom(operator))) for operator in OPERATORS}
    except yaml.YAMLError as error:
        sys.stderr.write(f"a manifest is no YAML: {error}\n")
        return 1
    wrong = list(problems(found))
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    unseen = ", ".join(f"{number} of {operator}" for operator, number in others.items())
    told = f"{len(found)} manifests against {' and '.join(VERSIONS)}, {len(wrong)} wrong"
    sys.stdout.write(f"kubernetes: {told}; not validated: {unseen}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
