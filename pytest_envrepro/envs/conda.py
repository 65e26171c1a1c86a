"""Reads what conda has installed in an environment: the records in `conda-meta`, which conda, mamba and pixi write alike."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from pytest_envrepro.credentials import redact
from pytest_envrepro.inventory import Distribution, Inventory, Source
from pytest_envrepro.requirement import CONDA

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_envrepro.condaspecs import CondaVersion

_FOLDER = "conda-meta"
_RECORD = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)-(?P<build>[^-]+)\.json")
_PYTHONS = re.compile(r"(?:^|/)(?:site|dist)-packages/([^/]+?)-[^/-]+(?:-[^/]*)?\.(?:dist|egg)-info(?:/|$)")


def find_prefix(candidates: Iterable[str | None]) -> str | None:
    """Give the first of some folders that is an environment of conda."""
    return next((each for each in candidates if each and os.path.isdir(os.path.join(each, _FOLDER))), None)


def with_packages(inventory: Inventory, prefix: str) -> Inventory:
    """Add what conda has installed in a folder; nothing is opened before somebody asks for it."""
    return replace(inventory, others=CondaPackages(prefix), kinds=inventory.kinds | {CONDA.rstrip(":")})


class CondaPackages(Mapping[str, Distribution]):
    """The packages by name (`conda:numpy`); each is read when it is first asked for."""

    def __init__(self, prefix: str) -> None:
        self._folder = os.path.join(prefix, _FOLDER)
        self._listed: dict[str, str] | None = None
        self._read: dict[str, Distribution] = {}

    @property
    def _files(self) -> dict[str, str]:
        if self._listed is None:
            try:
                names = sorted(os.listdir(self._folder))
            except OSError:
                names = []
            matches = ((name, _RECORD.fullmatch(name)) for name in names)
            self._listed = {f"{CONDA}{match['name'].lower()}": name for name, match in matches if match}
        return self._listed

    def __getitem__(self, name: str) -> Distribution:
        if name not in self._read:
            self._read[name] = _read(self._folder, self._files[name], name)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __contains__(self, name: object) -> bool:
        return name in self._files


def _read(folder: str, file: str, name: str) -> Distribution:
    """Read one record; what it lacks, its name tells."""
    fault = None
    data: Mapping[str, Any] = {}
    try:
        with open(os.path.join(folder, file), encoding="utf-8") as opened:
            data = json.load(opened)
        if not isinstance(data, dict):
            data, fault = {}, "it holds no table"
    except (OSError, ValueError, RecursionError) as error:
        fault = f"it cannot be read: {type(error).__name__}"
    depends = data.get("depends")
    version, wrong = _version(file, data)
    return Distribution(
        name=name,
        version=version,
        requires=tuple(f"{CONDA}{each}" for each in _strings(depends) if not each.startswith("__")),
        source=_source(data),
        label=file,
        fault=fault or wrong,
        provides=frozenset(_provided(_strings(data.get("files")))),
    )


def _version(file: str, data: Mapping[str, Any]) -> tuple[CondaVersion | None, str | None]:
    """Give the version and the build, or what is wrong with them."""
    from pytest_envrepro.condaspecs import CondaVersion  # noqa: PLC0415  # Brings py-rattler: is for locks of conda alone.

    match = _RECORD.fullmatch(file)
    told = {**(match.groupdict() if match else {}), **{key: value for key, value in data.items() if _is_text(value)}}
    channel = _channel(data)
    try:
        return CondaVersion.read(
            told.get("name", ""),
            told.get("version", ""),
            told.get("build", ""),
            channel=channel,
            subdir=told.get("subdir", "noarch"),
        ), None
    except ValueError as error:
        return None, str(error)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _channel(data: Mapping[str, Any]) -> str:
    """Give the URL of the channel that a package is from."""
    url = data.get("url")
    return url.rsplit("/", 2)[0] if isinstance(url, str) and url.count("/") > 1 else ""


def _source(data: Mapping[str, Any]) -> Source | None:
    url = data.get("url")
    if not isinstance(url, str) or not url:
        return None
    hashes = (f"{kind}:{data[kind]}" for kind in ("md5", "sha256") if _is_text(data.get(kind)))
    return Source(url=redact(url), hashes=frozenset(hashes), released=True)


def _strings(value: object) -> Iterator[str]:
    yield from (each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _provided(files: Iterable[str]) -> Iterator[str]:
    """Give the canonical names of the distributions of Python that lie among some files."""
    for file in files:
        if "-info" in file:
            match = _PYTHONS.search(file)
            if match is not None:
                yield canonicalize_name(match[1])
