"""The wheel tags that an interpreter supports."""

from __future__ import annotations

import sys
import sysconfig
from typing import TYPE_CHECKING, Any

from packaging import tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Groups = tuple[tuple[str, tuple[str, ...]], ...]


def tag_groups(said: Mapping[str, Any]) -> Groups:
    """Give the tags that an interpreter supports, best first, as (`cp312-cp312`, platforms); none if they are not known.

    It has told them itself, unless this process' `packaging` is too new for it: then they are worked out here, for a
    CPython that is built for the same platform.
    """
    told: Groups = tuple((start, tuple(places)) for start, places in said["tags"])
    is_like_this = said["platform"] == sysconfig.get_platform() and (said["bits"] > 32) == (sys.maxsize > 2**32)  # noqa: PLR2004
    if told or not is_like_this or said["environment"]["implementation_name"] != "cpython" or said["debug"]:
        return told
    version = tuple(said["version_info"])
    own = f"cp{version[0]}{version[1]}"
    platforms = list(tags.platform_tags())
    return (
        *_grouped(tags.cpython_tags(version, [own], platforms)),
        *_grouped(tags.compatible_tags(version, own, platforms)),
    )


def _grouped(found: Iterable[tags.Tag]) -> Groups:
    groups: list[tuple[str, list[str]]] = []
    for tag in found:
        start = f"{tag.interpreter}-{tag.abi}"
        if not groups or groups[-1][0] != start:
            groups.append((start, []))
        groups[-1][1].append(tag.platform)
    return tuple((start, tuple(places)) for start, places in groups)
