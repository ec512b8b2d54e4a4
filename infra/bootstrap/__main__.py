"""`python3 -m infra.bootstrap [--check]`: bring a machine with Python 3.11 to where the stack can start.

Needs nothing but the standard library. Whatever is there already is left alone; the second run does
nothing and takes no time. `--check` also builds what only `make check` needs.
"""

import os
import sys

from infra.bootstrap.python_packages import packages_step, uv_step
from infra.bootstrap.runner import Runner, Step
from infra.bootstrap.servers import apicurio_step, compose_check_step, go_step, kafka_step, versitygw_step
from infra.bootstrap.shell import StepFailed
from infra.bootstrap.system import system_step
from infra.cache import Cache


def steps(cache: Cache) -> list[Step]:
    """All that `make run` needs."""
    return [
        system_step(),
        uv_step(cache),
        packages_step(cache),
        kafka_step(cache),
        apicurio_step(cache),
        go_step(cache),
        versitygw_step(cache),
    ]


def main(arguments: list[str]) -> int:
    """Exit code: 0 when everything is there; else 1, or 130 for Ctrl-C, with one sentence on stderr."""
    if not (3, 11) <= sys.version_info < (3, 13):
        sys.stderr.write(f"reelfold needs Python 3.11 or 3.12; this one is {sys.version.split()[0]}\n")
        return 1
    cache = Cache.from_env(os.environ)
    wanted = steps(cache) + ([compose_check_step(cache)] if "--check" in arguments else [])
    try:
        Runner(wanted, cache.logs).run()
    except StepFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; what is done stays done: run it again to go on from here\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
