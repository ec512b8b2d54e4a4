"""Kafka's ACLs as infra/access/principals.py has them: what is missing is made, what is too much taken away.

Only principals of the table are looked at; whoever else has rights on the cluster keeps them.
"""

from collections.abc import Iterable
from typing import Any

# The package re-exports these without saying so in a way that mypy counts.
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from infra.access.principals import Grant, grants, trusted_producers
from infra.settings import Settings

TIMEOUT_S = 30.0
_ANY_HOST = "*"


def ensure_acls(admin: AdminClient, settings: Settings) -> list[str]:
    """Bring the ACLs to what the table says; each that was made or taken away, in a word.

    Does nothing unless the settings ask for ACLs. Raises KafkaException, InvalidSettings.
    """
    if not settings.kafka_acls:
        return []
    wanted = {_binding(one) for one in grants(trusted_producers(settings.kafka_producers))}
    standing = _standing(admin, {binding.principal for binding in wanted})
    if missing := sorted(wanted - standing, key=_told):
        for future in admin.create_acls(missing, request_timeout=TIMEOUT_S).values():
            future.result()
    if surplus := sorted(standing - wanted, key=_told):
        for deleted in admin.delete_acls(list(map(_exactly, surplus)), request_timeout=TIMEOUT_S).values():
            deleted.result()
    return [f"+{_told(one)}" for one in missing] + [f"-{_told(one)}" for one in surplus]


def _standing(admin: AdminClient, principals: Iterable[str]) -> set[AclBinding]:
    found: set[AclBinding] = set()
    for principal in sorted(principals):
        every = AclBindingFilter(
            ResourceType.ANY,
            None,  # type: ignore[arg-type]  # any name
            ResourcePatternType.ANY,
            principal,
            None,  # type: ignore[arg-type]  # any host
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        found |= set(admin.describe_acls(every, request_timeout=TIMEOUT_S).result())
    return found


def _binding(grant: Grant) -> AclBinding:
    return AclBinding(
        ResourceType[grant.kind],
        grant.name,
        ResourcePatternType.PREFIXED if grant.prefix else ResourcePatternType.LITERAL,
        f"User:{grant.principal}",
        _ANY_HOST,
        AclOperation[grant.operation],
        AclPermissionType.ALLOW,
    )


def _exactly(binding: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        binding.restype,
        binding.name,
        binding.resource_pattern_type,
        binding.principal,
        binding.host,
        binding.operation,
        binding.permission_type,
    )


def _told(binding: AclBinding) -> str:
    return f"{binding.principal.removeprefix('User:')} {_word(binding.operation)} {binding.name}"


def _word(value: Any) -> str:
    return str(value.name)
