"""Writes requirements as tools are given them: in PEP 508, and a path as the URL of where that is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_envrepro.places import is_local
from pytest_envrepro.requirementlines import parse_listed

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_envrepro.requirement import Requirement


def absolute(text: str, root: Path) -> str:
    """Write what stands in a list as it is given to a tool; what an index fulfils stays as it is.

    Args:
        root: what paths are relative to.

    Raises:
        ValueError: the text is no requirement.
    """
    requirement, is_editable = parse_listed(text)
    return text if requirement.url is None else placed(requirement, root, is_editable=is_editable)


def placed(requirement: Requirement, folder: Path, *, is_editable: bool = False) -> str:
    """Write a requirement, a path in it absolute; it is relative to a folder."""
    if requirement.url is None or not is_local(requirement.url):
        return pep508(requirement)
    if is_editable:
        return f"-e {located(replace(requirement, name=None), folder)}"
    if "://" in requirement.url:
        return pep508(requirement)
    marker = f" ; {requirement.marker}" if requirement.marker else ""
    return f"{located(requirement, folder)}{marker}"


def located(requirement: Requirement, folder: Path) -> str:
    """Write a requirement of a path, which is relative to a folder, by its URL."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    place = requirement.url or ""
    url = place if "://" in place else (folder / place.removeprefix("file:")).resolve().as_uri()
    return f"{requirement.name}{extras} @ {url}" if requirement.name else f"{url}{extras}"


def pep508(requirement: Requirement, *, marker: bool = True) -> str:
    """Write a requirement as it is given to a tool, credentials and all."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    name = f"{requirement.name or ''}{extras}"
    text = (
        f"{name}{requirement.written}" if requirement.url is None else f"{name} @ {requirement.url}".removeprefix(" @ ")
    )
    return f"{text} ; {requirement.marker}" if marker and requirement.marker else text
