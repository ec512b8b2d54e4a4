"""`python -m infra.cli`: the same as `reelfold`."""

from infra.cli.main import main

main()
