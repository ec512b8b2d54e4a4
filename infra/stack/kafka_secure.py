"""The broker with TLS, users and ACLs: what its properties and the formatting of its folder have more.

Clients come over SASL_SSL with SCRAM-SHA-512. The controller's door admits nobody without a certificate of
the stack's authority, and obeys only the broker's: SCRAM cannot serve there, its users are in the very log
that the controllers keep. Who has no grant may do nothing.
"""

from collections.abc import Sequence
from pathlib import Path

from infra.access.principals import ADMIN, BROKER
from infra.settings import Settings
from infra.stack.certificates import authority, both
from infra.stack.secret_file import kept_secrets, principal_word, write_private
from infra.stack.wires import FORMAT_ARGUMENTS, principals

_SECURE = """\
inter.broker.listener.name=SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={login}
ssl.keystore.type=PEM
ssl.keystore.location={both}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
listener.name.controller.ssl.client.auth=required
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:CN=kafka;User:{broker};User:{administrator}
"""
_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule"


def secure_properties(plain: str, settings: Settings) -> str:
    """The broker's properties, turned to TLS and users; they hold a password."""
    client, controller = "PLAINTEXT://", "CONTROLLER:PLAINTEXT"
    password = kept_secrets(settings.data)[principal_word(BROKER)]
    turned = plain.replace("PLAINTEXT:PLAINTEXT,", "SASL_SSL:SASL_SSL,").replace(client, "SASL_SSL://")
    return turned.replace(controller, "CONTROLLER:SSL") + _SECURE.format(
        login=f'{_MODULE} required username="{BROKER}" password="{password}";',
        broker=BROKER,
        administrator=ADMIN,
        both=both(settings.data, "kafka"),
        authority=authority(settings.data),
    )


def format_arguments(settings: Settings) -> Path:
    """The file that tells java how to format the broker's folder: a command line is open to all."""
    return settings.data / "kafka" / FORMAT_ARGUMENTS


def write_format_arguments(words: Sequence[str], settings: Settings) -> None:
    """Write these words, and the users with their passwords, mode 0600."""
    passwords = kept_secrets(settings.data)
    users = [
        word
        for name in principals(settings)
        for word in ("--add-scram", f"SCRAM-SHA-512=[name={name},password={passwords[principal_word(name)]}]")
    ]
    text = "\n".join(f'"{_escaped(word)}"' for word in (*words, *users))
    write_private(format_arguments(settings), text + "\n")


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"')
