"""pdm's content hash: what it keeps of a `pyproject.toml`, and of those of a workspace, to know whether that has changed."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name
from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_HASHES_RESOLUTION = Version("4.4.2")  # The schema from which on all of `[tool.pdm.resolution]` is in the hash.
_JOINS_GROUPS = Version("4.5.1")  # The one before which the standard's groups need not be in it.


def content_hashes(
    data: Mapping[str, Any],
    schema: Version,
    algorithm: str = "sha256",
    members: Sequence[tuple[str, Mapping[str, Any]]] = (),
) -> frozenset[str]:
    """Give what pdm would write as `content_hash` (`PyProject.content_hash` and `WorkspaceManager.content_hash`, 2.29).

    Args:
        data: the `pyproject.toml`.
        schema: of the lock; of an older one, what the versions of that time would write is among them.
        members: of a workspace, the folder of each project below its root, and its `pyproject.toml`.

    Returns:
        The hashes; none where the algorithm is unknown, or something is of a kind that has no hash, such as a date.
    """
    variants: list[Callable[[Mapping[str, Any]], Any]] = [_now]
    if schema < _JOINS_GROUPS:
        variants.append(_before_groups)
    if schema < _HASHES_RESOLUTION:
        variants.append(_with_overrides)
    try:
        return frozenset(_hash(algorithm, variant, data, members) for variant in variants)
    except (TypeError, AttributeError, ValueError, RecursionError):
        return frozenset()


def _hash(
    algorithm: str,
    variant: Callable[[Mapping[str, Any]], Any],
    data: Mapping[str, Any],
    members: Sequence[tuple[str, Mapping[str, Any]]],
) -> str:
    def of(each: Mapping[str, Any]) -> str:
        return hashlib.new(algorithm, json.dumps(variant(each), sort_keys=True).encode()).hexdigest()

    own = of(data)
    if not _settings(data).get("workspace"):
        return own
    told = "".join(f"\0{folder}\0{of(each)}" for folder, each in sorted(members, key=lambda member: member[0]))
    return hashlib.new(algorithm, f"{own}{told}".encode()).hexdigest()


def _now(data: Mapping[str, Any]) -> dict[str, Any]:
    groups = {canonicalize_name(group): [*items] for group, items in data.get("dependency-groups", {}).items()}
    for group, items in _settings(data).get("dev-dependencies", {}).items():
        groups.setdefault(canonicalize_name(group), []).extend(items)
    return {**_common(data), "dev-dependencies": groups, "resolution": _settings(data).get("resolution", {})}


def _before_groups(data: Mapping[str, Any]) -> dict[str, Any]:
    groups = _settings(data).get("dev-dependencies", {})
    return {**_common(data), "dev-dependencies": groups, "resolution": _settings(data).get("resolution", {})}


def _with_overrides(data: Mapping[str, Any]) -> dict[str, Any]:
    settings = _settings(data)
    overrides = settings.get("overrides", settings.get("resolution", {}).get("overrides", {}))
    return {**_common(data), "dev-dependencies": settings.get("dev-dependencies", {}), "overrides": overrides}


def _common(data: Mapping[str, Any]) -> dict[str, Any]:
    project = data.get("project", {})
    return {
        "sources": _settings(data).get("source", []),
        "dependencies": project.get("dependencies", []),
        "optional-dependencies": project.get("optional-dependencies", {}),
        "requires-python": project.get("requires-python", ""),
    }


def _settings(data: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = data.get("tool", {}).get("pdm", {})
    return found
