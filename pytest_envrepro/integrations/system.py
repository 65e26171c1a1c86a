"""Judges what is neither Python's nor a program: environment variables, and packages of a Debian host."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from pytest_envrepro.integrations.base import Need

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FIELD = re.compile(r"^(Package|Status|Version|Provides): *(.*)$", re.MULTILINE)


def variable_need(name: str, environ: Mapping[str, str]) -> Need:
    """Judge an environment variable by whether it is set; what it is set to may be a secret, and is told nowhere."""
    value = environ.get(name)
    why = "is not set" if value is None else "is set" if value else "is empty"
    return Need(f"${name}", "set" if value else None, met=bool(value), why=why)


class AptPackages:
    """The packages of a Debian host, or of one of its kin, by the file that dpkg keeps; no program is started.

    Args:
        status: the file, /var/lib/dpkg/status.
    """

    def __init__(self, status: Path) -> None:
        self._status = status

    @cached_property
    def _installed(self) -> dict[str, str] | None:
        """The version of each package; None where there is no dpkg."""
        try:
            text = self._status.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        found: dict[str, str] = {}
        for stanza in text.split("\n\n"):
            fields = dict(_FIELD.findall(stanza))
            if fields.get("Status", "").endswith(" installed"):
                for virtual in fields.get("Provides", "").split(","):
                    found.setdefault(virtual.partition("(")[0].strip(), fields.get("Version", ""))
                found[fields["Package"]] = fields.get("Version", "")
        return found

    def need(self, package: str) -> Need:
        """Judge one package, written as `apt-get install` takes it: `libpq5`, `libpq5:amd64`, `libpq5=15.*`."""
        if self._installed is None:
            return Need(package, None, met=False, why="is checked on a Debian host alone", applies=False)
        name, _, wanted = package.partition("=")
        version = self._installed.get(name.partition(":")[0])
        if version is None:
            return Need(package, None, met=False, why="is not installed", fix=f"apt-get install {package}")
        if wanted and not fnmatchcase(version, wanted):
            return Need(package, version, met=False, why=f"{version} is installed", fix=f"apt-get install {package}")
        return Need(package, version, met=True, why=f"{version} is installed")
