"""The answers that are given in the place of tests: integrations, their requirements for pip, and a clean-up."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from pytest_envrepro.asking import rows
from pytest_envrepro.catalogue import ALL
from pytest_envrepro.deciding import resolve_strict
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.reports import Integration, IntegrationRows, report_for
from pytest_envrepro.reports.needs import table, ticks_for
from pytest_envrepro.reports.wording import printable
from pytest_envrepro.run import Request, Run
from pytest_envrepro.session import Session
from pytest_envrepro.wanted import Wanted, faults_as_needs
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
    asked = [name for name in ("env_clean", "env_explain", "env_export", "env_integrations") if getattr(given, name)]
    if len(asked) > 1:
        shown = " and ".join(f"--{name.replace('_', '-')}" for name in asked)
        raise SettingsError(f"{shown}: ask for one at a time")
    if given.env_clean:
        # Whatever the table says; and alone, as it brings the store.
        from pytest_envrepro.cleaning import clean  # noqa: PLC0415

        return clean(os.environ)
    session = Session(root, configured_by=configured_by, environ=os.environ)
    return _export(session, given.env_export) if given.env_export else _integrations(session, given, folder)


def _export(session: Session, names: list[str]) -> int:
    try:
        exported = session.catalogue.export(names)
    except SettingsError as error:
        raise SettingsError("\n".join(f"--env-export: {line}" for line in str(error).split("\n"))) from error
    for line in exported.lines:
        _print(line)
    notes = session.catalogue.overshadowed if ALL in names else ()
    for line in (*notes, *exported.masked, *exported.contradictions):
        sys.stderr.write(f"{printable(line)}\n")
    return 1 if exported.contradictions or exported.masked else 0


def _integrations(session: Session, given: Namespace, folder: Path) -> int:
    strict, automatic = resolve_strict(given.env_strict, os.environ, session.config.strict)
    wanted = Wanted(session, strict=strict, automatic=automatic, allowed=given.env_allow_missing)
    listed = [*_listed(wanted)]
    for line in table(listed, ticks_for(sys.stdout.encoding)):
        _print(line.text)
    if given.env_report:
        _write_report(session, wanted, listed, folder / os.path.expanduser(given.env_report))
    declared = set(session.catalogue.declared)
    lacks = any(each.name in declared and each.status in {"partial", "missing"} for each in listed)
    return int(strict and lacks)


def _print(text: str) -> None:
    """Print a line; what the output has no character for is escaped."""
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(f"{text.encode(encoding, 'backslashreplace').decode(encoding)}\n")


def _listed(wanted: Wanted) -> Iterator[IntegrationRows]:
    """Compare all that there are; one that its provider cannot tell is missing, with the reason."""
    for name in wanted.catalogue.names():
        try:
            checked = wanted.check(name)
        except SettingsError as error:
            yield IntegrationRows(name=name, status="missing", rows=(), reason=str(error))
        else:
            yield IntegrationRows(name=checked.name, status=checked.status, rows=rows(checked))
    for prefix, fault in sorted(wanted.catalogue.faults.items()):
        yield IntegrationRows(name=prefix, status="missing", rows=(), reason=fault)


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
    if each.reason:
        return Integration(name=each.name, status=each.status, needs=faults_as_needs(each.reason))
    needs: Any = tuple((row.requirement, row.found, row.met) for row in each.rows)
    return Integration(name=each.name, status=each.status, needs=needs)
