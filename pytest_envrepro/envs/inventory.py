"""Reads what is installed in this environment, from the metadata on the disk, as pip sees it.

A distribution is a `.dist-info` folder (PEP 376, PEP 627); `.egg-info` and zipped ones are left to `importlib.metadata`.
The folders are listed at once, and a METADATA is read only when somebody asks for that distribution.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pytest_envrepro.model import Distribution, Interpreter, Inventory, Source

if TYPE_CHECKING:
    from collections.abc import Iterable

_DIST_INFO = re.compile(r"(?P<name>[A-Za-z0-9][^-]*)-(?P<version>[^-]+)\.dist-info")
_HEADER = re.compile(
    rb"^(Name|Version|Requires-Dist|Requires-Python):[ \t]*([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)",
    re.MULTILINE | re.IGNORECASE,
)
_TAG = re.compile(rb"^Tag:[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)
_SETTLED = 2.0  # Seconds: the coarsest clock of a file system in use (FAT).
_HEAD = 16 * 1024  # Bytes: nearly all headers of a METADATA fit, and few bodies are read.


@dataclass(frozen=True, slots=True)
class _Found:
    """A metadata folder or, where the folder's name alone does not tell what it is, the distribution itself."""

    name: str
    path: str
    version: str
    read: Distribution | None = None


def read_inventory(paths: Iterable[str], interpreter: Interpreter) -> Inventory:
    """List what is installed on a search path; the first of a name counts, as it does for an import.

    Args:
        paths: folders and archives, in the order of `sys.path`.
        interpreter: the Python that they belong to.
    """
    first: dict[str, _Found] = {}
    duplicates: dict[str, tuple[str, ...]] = {}
    leftovers: set[tuple[str, str]] = set()
    for path in dict.fromkeys(paths):
        here: dict[str, list[_Found]] = {}
        for found in _list(path, leftovers):
            here.setdefault(found.name, []).append(found)
        for name, several in here.items():
            if name not in first:
                first[name] = several[0]
                if len(several) > 1:
                    duplicates[name] = tuple(os.path.basename(found.path) for found in several)
    distributions = Distributions(first)
    return Inventory(
        interpreter=interpreter,
        distributions=distributions,
        duplicates=duplicates,
        leftovers=tuple(sorted(leftovers)),
        versions={name: found.version for name, found in first.items()},
        state=distributions.state,
    )


def _list(path: str, leftovers: set[tuple[str, str]]) -> Iterator[_Found]:
    """Give what lies in one entry of the search path, sorted, `.dist-info` first; note leftovers."""
    try:
        names = sorted(os.listdir(path))
    except NotADirectoryError:
        yield from map(_from_importlib, importlib.metadata.distributions(path=[path]))
        return
    except OSError:
        return
    eggs: list[_Found] = []
    for name in names:
        if name.endswith(".dist-info"):
            match = _DIST_INFO.fullmatch(name)
            if name.startswith("~"):
                leftovers.add((name, "was left behind by an installation that pip did not finish"))
            elif match is None:
                leftovers.add((name, "has a name that is not of the form NAME-VERSION.dist-info"))
            else:
                yield _Found(canonicalize_name(match["name"]), f"{path}/{name}", match["version"])
        elif name.endswith(".egg-info") or name == "EGG-INFO":
            eggs.append(_from_importlib(importlib.metadata.PathDistribution(Path(path, name))))
    yield from eggs


class Distributions(Mapping[str, Distribution]):
    """The distributions by name; each is read when it is first asked for."""

    def __init__(self, found: Mapping[str, _Found]) -> None:
        self._found = found
        self._read: dict[str, Distribution] = {}

    def __getitem__(self, name: str) -> Distribution:
        if name not in self._read:
            found = self._found[name]
            self._read[name] = found.read or read_distribution(found.path, found.name, found.version)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._found))

    def __len__(self) -> int:
        return len(self._found)

    def __contains__(self, name: object) -> bool:
        return name in self._found

    def state(self) -> str | None:
        """Digest names, sizes and times of all that a check of the whole environment reads.

        A change of a file changes its inode's time (`ctime`), which no program sets back. None where a file changed a
        moment ago, since it could change again within the same tick of the clock, or where `importlib.metadata` read.
        """
        digest = hashlib.sha256()
        newest = 0.0
        for name in sorted(self._found):
            found = self._found[name]
            if found.read is not None:
                return None
            for file in ("METADATA", "WHEEL"):
                try:
                    status = os.stat(f"{found.path}/{file}")
                except OSError:
                    digest.update(f"{found.path}/{file} is missing\n".encode(errors="surrogateescape"))
                    continue
                newest = max(newest, status.st_ctime)
                stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev)
                digest.update(f"{found.path}/{file} {stamp}\n".encode(errors="surrogateescape"))
        return digest.hexdigest() if newest < time.time() - _SETTLED else None


def read_distribution(path: str, name: str, version: str) -> Distribution:
    """Read a `.dist-info` folder; what is wrong with it becomes its `fault`.

    Args:
        path: the folder.
        name, version: what the folder's own name tells, for one without METADATA.
    """
    label = os.path.basename(path)
    fields, changed, fault = _read_metadata(f"{path}/METADATA")
    written = fields.get("name", [name])[0]
    if fault is None:
        missing = [key for key in ("Name", "Version") if not fields.get(key.lower(), [""])[0]]
        if missing:
            fault = f"its METADATA has no {' and no '.join(missing)}"
        elif canonicalize_name(written) != name:
            fault = f"its METADATA names another project: {written}"
    known, wrong = _version(fields.get("version", [version])[0] or version)
    return Distribution(
        name=name,
        version=known,
        requires=tuple(fields.get("requires-dist", ())),
        requires_python=fields.get("requires-python", [None])[0],
        tags=_read_tags(f"{path}/WHEEL"),
        source=_read_source(path),
        label=label,
        changed=changed,
        fault=fault or wrong,
    )


def _version(text: str) -> tuple[Version | None, str | None]:
    try:
        return Version(text), None
    except InvalidVersion:
        return None, f"its version '{text}' is not valid (PEP 440)"


def _read_metadata(path: str) -> tuple[dict[str, list[str]], float, str | None]:
    """Read the headers that matter, by lower-case name; with the time of the last change, or why it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            changed = os.fstat(descriptor).st_mtime
            data = os.read(descriptor, _HEAD)
            while b"\n\n" not in data and b"\r\n\r\n" not in data:
                more = os.read(descriptor, 16 * _HEAD)
                if not more:
                    break
                data += more
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return {}, 0.0, "has no METADATA: a removal or an installation did not finish"
    except OSError as error:
        return {}, 0.0, f"its METADATA cannot be read: {error.strerror}"
    head = re.split(rb"\r?\n\r?\n", data, maxsplit=1)[0]
    fields: dict[str, list[str]] = {}
    try:
        for key, value in _HEADER.findall(head):
            fields.setdefault(key.decode("ascii").lower(), []).append(" ".join(value.decode("utf-8").split()))
    except UnicodeDecodeError:
        return fields, changed, "its METADATA is not UTF-8"
    return fields, changed, None


def _read_tags(path: str) -> tuple[str, ...] | None:
    try:
        with open(path, "rb") as file:
            return tuple(tag.decode("ascii", "replace") for tag in _TAG.findall(file.read()))
    except OSError:
        return None


def _read_source(path: str) -> Source | None:
    """Read `direct_url.json`; conda's own builds write one that names the builder's folder, and is no source."""
    try:
        with open(f"{path}/direct_url.json", "rb") as file:
            data = json.load(file)
    except (OSError, ValueError):
        return None
    try:
        with open(f"{path}/INSTALLER", "rb") as file:
            if file.read().strip() == b"conda":
                return None
    except OSError:
        pass
    return parse_direct_url(data)


def parse_direct_url(data: Any) -> Source | None:
    """Turn the content of a `direct_url.json` into a source; None where it is not of the form of PEP 610."""
    if not isinstance(data, dict) or not isinstance(data.get("url"), str):
        return None
    parts = urlsplit(data["url"])
    url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    vcs, archive, directory = (
        info if isinstance(info := data.get(key), dict) else None for key in ("vcs_info", "archive_info", "dir_info")
    )
    hashes = {f"{name}:{value}" for name, value in ((archive or {}).get("hashes") or {}).items()}
    if archive and isinstance(archive.get("hash"), str):
        hashes.add(archive["hash"].replace("=", ":", 1))
    return Source(
        url=f"{vcs.get('vcs')}+{url}" if vcs else url,
        commit=vcs.get("commit_id") if vcs else None,
        revision=vcs.get("requested_revision") if vcs else None,
        editable=bool(directory and directory.get("editable")),
        directory=directory is not None,
        hashes=frozenset(hashes),
    )


def _from_importlib(distribution: importlib.metadata.Distribution) -> _Found:
    """Read an `.egg-info` or what lies in an archive, which are rare, through the standard library."""
    name = distribution.metadata["Name"] or "unknown"
    text = distribution.metadata["Version"] or ""
    version, wrong = _version(text)
    read = Distribution(
        name=canonicalize_name(name),
        version=version,
        requires=tuple(distribution.requires or ()),
        requires_python=distribution.metadata["Requires-Python"],
        label=f"{name}.egg-info",
        fault=wrong,
    )
    return _Found(read.name, f"{name}.egg-info", text, read)
