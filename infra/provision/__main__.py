"""`python -m infra.provision` takes every step, and exits 1 with one sentence when one cannot be done."""

import os
import sys

from infra.provision.steps import ProvisionFailed, provision
from infra.settings import InvalidSettings, Settings
from infra.telemetry import configure


def main() -> int:
    """Provision what the environment describes."""
    try:
        settings = Settings.from_env(os.environ)
        configure(settings.log_level, "provision")
        provision(settings)
    except (ProvisionFailed, InvalidSettings) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
