"""What the files of a Linux system tell of it: which release it is, and its apt packages. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_INSTALLED = ["install", "ok", "installed"]
_FIELDS = frozenset({"package", "version", "status", "architecture"})


def apt_packages(status: str) -> dict[str, str]:
    """Give the installed packages by name, with their versions, from dpkg's `status` (deb-control(5)).

    Those on hold are installed too; those that were removed and have left their configuration are not. A package that is
    there for two architectures is named with each: `libc6:amd64`, `libc6:i386`.
    """
    found: dict[str, dict[str, str]] = {}
    for stanza in _stanzas(status):
        if stanza.get("status", "").split()[1:] == _INSTALLED[1:] and {"package", "version"} <= stanza.keys():
            found.setdefault(stanza["package"], {})[stanza.get("architecture", "")] = stanza["version"]
    packages: dict[str, str] = {}
    for name, versions in sorted(found.items()):
        several = len(versions) > 1
        packages.update({f"{name}:{each}" if several else name: versions[each] for each in sorted(versions)})
    return packages


def _stanzas(status: str) -> Iterator[dict[str, str]]:
    for text in status.replace("\r\n", "\n").split("\n\n"):
        lines = (line.partition(":") for line in text.split("\n") if line[:1] not in {" ", "\t", "#", ""})
        yield {key.lower(): value.strip() for key, _, value in lines if key.lower() in _FIELDS}


def release(text: str) -> str:
    """Give the name and the version of a release, `debian 12`, from os-release(5); empty where it does not tell."""
    told: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition("=")
        try:
            told[key.strip()] = " ".join(shlex.split(value))
        except ValueError:  # A quotation mark that is alone.
            told[key.strip()] = value.strip()
    version = told.get("VERSION_ID") or told.get("VERSION_CODENAME") or told.get("BUILD_ID")
    return " ".join(filter(None, (told.get("ID", ""), version)))
