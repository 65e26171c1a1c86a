"""A project with integrations, judged by an environment that holds what a test installs, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from judging import Case

from pytest_envrepro.cache import VerdictCache
from pytest_envrepro.catalogue import Catalogue
from pytest_envrepro.discovery import tree_of
from pytest_envrepro.files import Files
from pytest_envrepro.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_envrepro.integrations import Need
    from pytest_envrepro.inventory import Inventory

HEAD = '[project]\nname = "demo"\nversion = "1"\n'


class Shop(Case):
    """A project's files, an environment, and programs on a PATH of its own."""

    def __init__(self, folder: Path, table: str = "", files: Mapping[str, str] | None = None) -> None:
        super().__init__(folder, {"pyproject.toml": table, **(files or {})})
        self.programs = folder / "bin"
        self.programs.mkdir()
        self.dpkg = folder / "status"
        self.cache: Path | None = folder / "cache"
        self.environ = {"PATH": str(self.programs), "PYTHONPATH": str(self.site), "HOME": str(folder / "home")}
        self.looked = 0  # How often somebody asked for what is installed.

    def program(self, name: str, body: str) -> None:
        """Put a program on PATH: a script of the shell."""
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    @property
    def catalogue(self) -> Catalogue:
        """A catalogue of the project as it is now."""
        session = Session(self.root, configured_by=None, environ=self.environ)
        return Catalogue(
            session.config,
            tree_of(Files(self.root), self.environ),
            root=self.root,
            environ=self.environ,
            inventory=self._look,
            cache=VerdictCache(self.cache),
            dpkg=self.dpkg,
        )

    def _look(self) -> Inventory:
        self.looked += 1
        return self.inventory

    def packages(self, *pep508: str) -> list[tuple[Any, ...]]:
        """Judge requirements, and give their needs in brief."""
        return brief(self.catalogue.check_requirements(*pep508).needs)

    def check(self, name: str) -> tuple[str, list[tuple[Any, ...]]]:
        """Judge an integration: its status, and its needs in brief."""
        checked = self.catalogue.check(name)
        return checked.status, brief(checked.needs)


def brief(needs: tuple[Need, ...]) -> list[tuple[Any, ...]]:
    """Give needs as (sentence, what was found, whether it is met); None for one that does not apply."""
    return [(need.sentence, need.found, need.met if need.applies else None) for need in needs]
