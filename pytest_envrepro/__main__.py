"""The command that joins reports: `python -m pytest_envrepro merge FILE... [--fail-on-never-run]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pytest_envrepro.errors import SettingsError
from pytest_envrepro.merging import NeverRun, never_run, read_all
from pytest_envrepro.outcome import counted
from pytest_envrepro.reports.wording import printable

_MOST_SHOWN = 3  # Of the tests of which it is not known: most will have run.


def main(arguments: list[str] | None = None) -> int:
    """Join reports, and give the exit code: 1 where asked to fail on what never ran, 2 where a file is none."""
    parser = argparse.ArgumentParser(prog="python -m pytest_envrepro", description="Works on reports of --env-report.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    merge = commands.add_parser(
        "merge",
        help="join the reports of many jobs, and list what ran in none of them",
        description="Joins the reports of many jobs, and lists the tests and the integrations that ran in none of them.",
    )
    merge.add_argument("files", metavar="FILE", nargs="+", type=Path, help="a report that --env-report has written")
    merge.add_argument(
        "--fail-on-never-run",
        action="store_true",
        help="end with 1 where there is such a thing, or a report that is not whole",
    )
    given = parser.parse_args(arguments)
    try:
        found = never_run(read_all(given.files))
    except SettingsError as error:
        for line in str(error).split("\n"):
            sys.stderr.write(f"{printable(line)}\n")
        return 2
    for line in _lines(found, len(given.files)):
        sys.stdout.write(f"{printable(line)}\n")
    return int(given.fail_on_never_run and found.fails)


def _lines(found: NeverRun, number: int) -> list[str]:
    lines = []
    for test, needs in found.tests:
        lines.append(f"{test}: ran in no job{' (needs ' + ', '.join(needs) + ')' if needs else ''}")
    lines += [f"{name}: was met in no job" for name in found.integrations]
    lines += [f"{name}: is for the environment of no job" for name in found.inapplicable]
    lines += [f"{path}: its session did not come to its end, so it does not tell all" for path in found.unfinished]
    if found.untold:
        shown = [*found.untold[:_MOST_SHOWN], *(["..."] if found.untold[_MOST_SHOWN:] else [])]
        tests = counted(len(found.untold), "test")
        lines.append(f"not known of {tests}, skipped in some reports and not listed in others: {', '.join(shown)}")
    tests, integrations = counted(len(found.tests), "test"), counted(len(found.integrations), "integration")
    return [*lines, f"{counted(number, 'report')}: {tests} and {integrations} ran in none of them"]


if __name__ == "__main__":
    sys.exit(main())
