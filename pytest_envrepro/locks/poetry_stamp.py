"""Poetry's content hash: what it keeps of a `pyproject.toml`, to know whether that has changed."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# What Poetry's hash is made of; the first are in it as null where there is nothing of the standard's.
_OLD_KEYS = ("dependencies", "source", "extras", "dev-dependencies")
_STANDARD_KEYS = ("requires-python", "dependencies", "optional-dependencies")


def content_hashes(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Give Poetry's hash of what a project asks for (`Locker._get_content_hash`, 2.5), and that without groups (before 2.3)."""
    try:
        with_groups = _content_hash(data, data.get("dependency-groups", {}))
        return with_groups, _content_hash(data, {})
    except (TypeError, AttributeError):  # A date, which is nothing that JSON knows; or no table.
        return ()


def _content_hash(data: Mapping[str, Any], groups: Any) -> str:
    project = data.get("project", {})
    own = data.get("tool", {}).get("poetry", {})
    standard = {key: project[key] for key in _STANDARD_KEYS if project.get(key) is not None}
    has_standard = bool(standard or groups)
    relevant = {
        key: own.get(key)
        for key in (*_OLD_KEYS, "group")
        if own.get(key) is not None or (key in _OLD_KEYS and not has_standard)
    }
    if has_standard:
        relevant = {
            **({"project": standard} if standard else {}),
            **({"dependency-groups": groups} if groups else {}),
            "tool": {"poetry": relevant},
        }
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()
