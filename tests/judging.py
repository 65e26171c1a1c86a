"""Judges a project in a folder by an environment that holds what a test installs, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import making

from pytest_envrepro.checks import CHECKS, Facts, settle
from pytest_envrepro.envs.host import host_interpreter
from pytest_envrepro.envs.inventory import read_inventory
from pytest_envrepro.outcome import Result
from pytest_envrepro.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_envrepro.inventory import Interpreter, Inventory
    from pytest_envrepro.outcome import Finding, Outcome


class Case:
    """A project's files and an environment."""

    def __init__(self, folder: Path, files: Mapping[str, str] | None = None) -> None:
        self.root = folder / "project"
        self.site = folder / "site-packages"
        self.root.mkdir()
        self.site.mkdir()
        self.interpreter: Interpreter = host_interpreter()
        self.write(files or {})

    def write(self, files: Mapping[str, str]) -> None:
        """Write files of the project, by path."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def install(self, name: str, version: str, requires: tuple[str, ...] = (), **options: Any) -> Path:
        """Install a distribution's metadata; the options are those of `making.install`."""
        return making.install(self.site, name, version, requires, **options)

    def run_on(self, version: str, **variables: str) -> None:
        """Judge as if another interpreter ran this."""
        short = ".".join(version.split(".")[:2])
        environment = {
            **self.interpreter.environment,
            "python_version": short,
            "python_full_version": version,
            **variables,
        }
        self.interpreter = replace(self.interpreter, version=version, environment=environment)

    @property
    def inventory(self) -> Inventory:
        """What is installed."""
        return read_inventory([str(self.site)], self.interpreter)

    @property
    def facts(self) -> Facts:
        """All that the checks look at."""
        session = Session(self.root, configured_by=None, environ={})
        return session.facts._replace(inventory=self.inventory)

    def judge(self, check: str, subject: str = "requirements.txt") -> Outcome:
        """Judge one subject, beside those that it may rest on."""
        facts = self.facts
        kind = next(kind for kind in CHECKS if kind.name == check)
        subjects = dict.fromkeys((*kind.subjects(facts), subject))
        results = [Result(check=check, subject=each, outcome=kind.judge(facts, each)) for each in subjects]
        return next(result.outcome for result in settle(facts, results) if result.subject == subject)

    def findings(self, check: str, subject: str = "requirements.txt") -> list[tuple[str | None, ...]]:
        """Give a check's findings as (code, package, expected, actual, place, message)."""
        return list(map(brief, self.judge(check, subject).findings))


def brief(finding: Finding) -> tuple[str | None, ...]:
    """Give a finding as (code, package, expected, actual, place, message)."""
    place = f"{finding.file}:{finding.line}" if finding.line else finding.file
    return (finding.code, finding.package, finding.expected, finding.actual, place, finding.message)
