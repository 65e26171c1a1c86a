"""The answers that are given in the place of tests: the table of integrations, and their requirements for pip."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from pytest_envrepro.asking import rows
from pytest_envrepro.config import resolve_strict
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.reports import Integration, IntegrationRows, report_for
from pytest_envrepro.reports.needs import table, ticks_for
from pytest_envrepro.reports.wording import printable
from pytest_envrepro.run import Request, Run
from pytest_envrepro.session import Session
from pytest_envrepro.wanted import Wanted
from pytest_envrepro.writing import write_whole

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator
    from pathlib import Path


def answer(given: Namespace, root: Path, configured_by: Path | None, folder: Path) -> int:
    """Print what was asked for, and give the exit code.

    Args:
        given: the options of the command line.
        folder: where the command was typed.

    Raises:
        SettingsError: the configuration cannot be followed, or a name does not exist.
    """
    session = Session(root, configured_by=configured_by, environ=os.environ)
    if given.env_export and given.env_integrations:
        raise SettingsError("--env-export and --env-integrations: ask for one at a time")
    return _export(session, given.env_export) if given.env_export else _integrations(session, given, folder)


def _export(session: Session, names: list[str]) -> int:
    exported = session.catalogue.export(names)
    sys.stdout.write("".join(f"{line}\n" for line in exported.lines))
    for line in exported.contradictions:
        sys.stderr.write(f"{printable(line)}\n")
    return 1 if exported.contradictions else 0


def _integrations(session: Session, given: Namespace, folder: Path) -> int:
    strict, automatic = resolve_strict(given.env_strict, os.environ, session.config.strict)
    wanted = Wanted(session, strict=strict, automatic=automatic, allowed=given.env_allow_missing)
    listed = [*_listed(wanted)]
    for line in table(listed, ticks_for(sys.stdout.encoding)):
        sys.stdout.write(f"{line.text}\n")
    if given.env_report:
        _write_report(session, wanted, listed, folder / os.path.expanduser(given.env_report))
    declared = set(session.catalogue.declared)
    lacks = any(each.name in declared and each.status in {"partial", "missing"} for each in listed)
    return int(strict and lacks)


def _listed(wanted: Wanted) -> Iterator[IntegrationRows]:
    """Compare all that there are; one that its provider cannot tell is missing, with the reason."""
    for name in wanted.catalogue.names():
        try:
            checked = wanted.check(name)
        except SettingsError as error:
            yield IntegrationRows(name=name, status="missing", rows=(), reason=str(error))
        else:
            yield IntegrationRows(name=checked.name, status=checked.status, rows=rows(checked))


def _write_report(session: Session, wanted: Wanted, listed: list[IntegrationRows], path: Path) -> None:
    run = Run.start(session, Request(lock=False))
    run.wanted = wanted
    integrations = tuple(_in_short(each) for each in listed)
    try:
        write_whole(path, report_for(path.name).render(run.summary()._replace(integrations=integrations)))
    except OSError as error:
        message = f"--env-report: cannot write {path}: {error.strerror or error}"
        raise SettingsError(message) from None


def _in_short(each: IntegrationRows) -> Integration:
    needs: Any = tuple((row.requirement, row.found, row.met) for row in each.rows)
    return Integration(name=each.name, status=each.status, needs=needs)
