"""Debian packages: which ones, from which day, and the one script that installs them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_envrepro.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

TODAY = "-"  # Stands for no snapshot.
_SPLIT = re.compile(r"(?P<name>[^:=]+)(?::(?P<architecture>[^=]+))?(?:=(?P<version>.+))?")
# The same text for everybody: the snapshot and the packages are its arguments, and are never read by the shell.
# apt takes a name with `.` or `+` that it does not know for a pattern: that is looked up first. The snapshots are
# signed as the archive is, so that they need no TLS, but are older than apt would have them (`check-valid-until`).
SCRIPT = r"""set -eu
umask 022
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
if ! command -v apt-get >/dev/null; then
    echo "E: this image has no apt-get: apt-packages need one of Debian or Ubuntu" >&2
    exit 1
fi
snapshot=$1
shift
own=$(mktemp -d)
conf=$own/apt.conf
{
    echo 'APT::Install-Recommends "false";'
    echo 'APT::Update::Error-Mode "any";'
    echo 'Acquire::Languages "none";'
    echo 'Acquire::Retries "3";'
    echo 'Dpkg::Use-Pty "false";'
    if [ -n "${SSL_CERT_FILE:-}" ]; then echo "Acquire::https::CaInfo \"$SSL_CERT_FILE\";"; fi
} >"$conf"
if [ "$snapshot" != - ]; then
    . /etc/os-release
    list=$own/sources.list
    put() { echo "deb [check-valid-until=no] $1 $2 $3" >>"$list"; }
    case $ID in
    debian)
        at=http://snapshot.debian.org/archive
        case $VERSION_CODENAME in
        stretch | buster) security=$VERSION_CODENAME/updates ;;
        *) security=$VERSION_CODENAME-security ;;
        esac
        put "$at/debian/$snapshot/" "$VERSION_CODENAME" main
        put "$at/debian/$snapshot/" "$VERSION_CODENAME-updates" main
        put "$at/debian-security/$snapshot/" "$security" main
        ;;
    ubuntu)
        at=http://snapshot.ubuntu.com/ubuntu/$snapshot/
        for suite in "$VERSION_CODENAME" "$VERSION_CODENAME-updates" "$VERSION_CODENAME-security"; do
            put "$at" "$suite" "main universe"
        done
        ;;
    *)
        echo "E: there are no snapshots of '$ID': apt-snapshot is for Debian and Ubuntu" >&2
        exit 1
        ;;
    esac
    echo "Dir::Etc::SourceList \"$list\";" >>"$conf"
    echo 'Dir::Etc::SourceParts "/dev/null";' >>"$conf"
    chmod 644 "$list"
fi
chmod 755 "$own"
export APT_CONFIG=$conf
apt-get update
for package; do
    case ${package%%[:=]*} in
    *[.+]*)
        if ! apt-cache pkgnames -- "${package%%[:=]*}" | grep -Fxq -e "${package%%[:=]*}"; then
            echo "E: Unable to locate package ${package%%[:=]*}" >&2
            exit 100
        fi
        ;;
    esac
done
apt-get install --yes -- "$@" </dev/null
unset APT_CONFIG
apt-get clean
rm -rf "$own" /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/log/bootstrap.log
rm -f /var/cache/apt/*.bin /var/cache/ldconfig/aux-cache /var/cache/debconf/*-old /var/lib/dpkg/*-old
"""


def apt_words(*lists: Iterable[str]) -> tuple[str, ...]:
    """Put packages together, each once and sorted: their order means nothing.

    Raises:
        SettingsError: one is asked for in two versions.
    """
    found: dict[str, set[str]] = {}
    for package in {each for packages in lists for each in packages}:
        name, _, version = package.partition("=")
        found.setdefault(name, set()).add(version)
    clashes = [
        f"  {' and '.join(f'{name}={version}' for version in sorted(versions - {''}))}"
        for name, versions in sorted(found.items())
        if len(versions - {""}) > 1
    ]
    if clashes:
        raise SettingsError("\n".join(["apt-packages: one package cannot have two versions:", *clashes]))
    return tuple(f"{name}={max(versions)}" if max(versions) else name for name, versions in sorted(found.items()))


def apt_command(packages: Sequence[str], snapshot: str | None, *, script: str = SCRIPT) -> tuple[str, ...]:
    """Give the words that install packages.

    Args:
        snapshot: the time of the snapshot that they come from; None for what the image's own mirrors have.
    """
    return ("/bin/sh", "-c", script, "apt-packages", snapshot or TODAY, *packages)


def is_pinned(package: str) -> bool:
    """Tell whether one version alone is meant."""
    match = _SPLIT.fullmatch(package)
    return match is not None and match["version"] is not None and "*" not in match["version"]
