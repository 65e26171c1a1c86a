"""A session in GitHub Actions: writes the summary of the step, and gives the commands for its log."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_envrepro.reports.github import MOST_BYTES, log_commands, needs_commands, step_summary
from pytest_envrepro.reports.wording import printable
from pytest_envrepro.writing import append

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.reports import NeedsSummary, Summary


def tell(summary: Summary, root: Path, environ: Mapping[str, str]) -> list[str]:
    """Append to the summary of the step, and give the lines for the log: annotations, and that it cannot be written."""
    folder = _folder(root, environ.get("GITHUB_WORKSPACE", ""))
    lines = log_commands(summary, folder)
    path = environ.get("GITHUB_STEP_SUMMARY")
    if path:
        try:
            _append(Path(path), summary, folder)
        except OSError as error:
            lines.append(printable(f"GITHUB_STEP_SUMMARY: cannot write {path}: {error.strerror or error}"))
    return lines


def tell_needs(summary: NeedsSummary, root: Path, environ: Mapping[str, str]) -> list[str]:
    """Give the lines for the log about what tests need."""
    return needs_commands(summary, _folder(root, environ.get("GITHUB_WORKSPACE", "")))


def _folder(root: Path, workspace: str) -> str:
    """Give the path of the root from the workspace; nothing where it does not lie there, as in a container."""
    if not workspace:
        return ""
    found, base = Path(os.path.realpath(root)), Path(os.path.realpath(workspace))
    return found.relative_to(base).as_posix() if base in found.parents else ""


def _append(path: Path, summary: Summary, folder: str) -> None:
    """Append to what an earlier command of the same step has written."""
    size = path.stat().st_size if path.exists() else 0
    start = "\n" if size else ""
    text = step_summary(summary, folder, room=MOST_BYTES - size - len(start))
    if text:
        append(path, f"{start}{text}")
