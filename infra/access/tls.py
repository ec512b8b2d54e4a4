"""Whom this process trusts to be a server of Reelfold: the system's authorities, or the settings' own."""

import ssl

from infra.settings import InvalidSettings


def trust(ca_file: str) -> ssl.SSLContext:
    """A client's context that checks certificates and names, always. Raises InvalidSettings.

    ``ca_file`` is the PEM of the only authority that is trusted then; empty: those of the system.
    """
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise InvalidSettings(
            f"REELFOLD_CA_FILE: {ca_file} is no PEM of certificates that can be read: {error}"
        ) from None
