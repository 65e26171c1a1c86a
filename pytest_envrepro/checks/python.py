"""Compares this Python with those that the project declares, and with the one that each lock was compiled with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from pytest_envrepro.checks.base import Facts, is_other_platform, is_other_python
from pytest_envrepro.outcome import Finding, Outcome, sort_findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_envrepro.model import Declared, Interpreter

# What pyenv, uv and others write into `.python-version`: `3.11`, `3.11.7`, `pypy3.10-7.3.17`, `cpython-3.12.1-linux`.
_VERSION = re.compile(
    r"(?:(?P<implementation>python|cpython|pypy|graalpy)[-@]?)?"
    r"(?P<version>\d+(?:\.\d+){0,2}(?:(?:a|b|rc)\d+)?)(?P<threads>\+freethreaded|t)?(?:-.*|\+\w+)?"
)


class PythonCheck:
    """This Python is one that the project is for."""

    name = "python"
    codes: tuple[str, ...] = ("python-mismatch",)

    def subjects(self, facts: Facts) -> tuple[str, ...]:
        """Give the file that checks of the whole environment are shown at, where anything is declared or disagrees."""
        project = facts.project
        if project.python_versions or project.requires_python or any(_other_locks(facts)):
            return (project.anchor,)
        return ()

    def key(self, facts: Facts, subject: str) -> None:
        """Give None: it is not remembered."""

    def judge(self, facts: Facts, subject: str) -> Outcome:  # noqa: ARG002  # There is one Python.
        """Judge this interpreter."""
        project = facts.project
        python = facts.inventory.interpreter
        told: list[str] = []
        findings = list(_other_locks(facts))
        reason = None
        if project.python_versions:
            pinned = [(declared, _is_meant(declared.text, python)) for declared in project.python_versions]
            if any(meant for _, meant in pinned):
                told.append(".python-version")
            elif any(meant is None for _, meant in pinned):
                unclear = next(declared for declared, meant in pinned if meant is None)
                reason = f"{unclear.file}:{unclear.line} says '{unclear.text}', which tells no version"
            else:
                findings.append(_mismatch(pinned[0][0], python))
        if project.requires_python is not None:
            told.append("requires-python")
            findings += _unsupported(project.requires_python, python)
        says = f", as {' and '.join(told)} say{'s' if len(told) == 1 else ''}" if told and not findings else ""
        return Outcome(
            findings=sort_findings(findings),
            reason=reason,
            judged=reason is None,
            detail=f"{python.version}{says}",
        )


def _is_meant(text: str, python: Interpreter) -> bool | None:
    """Tell whether a line of `.python-version` means this Python; None where it names no version."""
    match = _VERSION.fullmatch(text)
    if match is None:
        try:
            return SpecifierSet(text).contains(python.version, prereleases=True)
        except InvalidSpecifier:
            return None
    implementation = (match["implementation"] or "cpython").replace("python", "cpython").replace("cc", "c")
    wanted = match["version"].split(".")
    return implementation == python.implementation and python.version.split(".")[: len(wanted)] == wanted


def _mismatch(declared: Declared, python: Interpreter) -> Finding:
    return Finding(
        code="python-mismatch",
        expected=declared.text,
        actual=python.version,
        file=declared.file,
        line=declared.line,
        message=f"this is {python.implementation} {python.version}",
    )


def _unsupported(declared: Declared, python: Interpreter) -> Iterator[Finding]:
    try:
        if not SpecifierSet(declared.text).contains(python.version, prereleases=True):
            yield _mismatch(declared, python)
    except InvalidSpecifier:
        yield Finding(
            code="python-mismatch",
            expected=declared.text,
            actual=python.version,
            file=declared.file,
            line=declared.line,
            message="is not a valid version specifier",
        )


def _other_locks(facts: Facts) -> Iterator[Finding]:
    """Give a warning for each lock that was compiled for another Python or platform than this."""
    python = facts.inventory.interpreter
    for lock in facts.locks.values():
        target = lock.target
        if is_other_python(facts, target):
            expected, actual = target.python, python.version
            message = f"{lock.path} was compiled for Python {target.python}, this is {python.version}"
        elif is_other_platform(facts, target):
            expected, actual = target.platform, python.platform
            message = f"{lock.path} was compiled for {target.platform}, this is {python.platform}"
        else:
            continue
        yield Finding(
            code="python-mismatch",
            severity="warn",
            expected=expected,
            actual=actual,
            file=lock.path,
            line=target.line,
            message=message,
            fix=lock.fix,
        )
