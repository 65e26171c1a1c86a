"""Where packages come from, and whether two of them are one: versions (PEP 440), and places (PEP 610)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_version

from pytest_envrepro.credentials import redact
from pytest_envrepro.places import is_local, same_place

if TYPE_CHECKING:
    from pytest_envrepro.inventory import Source

_LONGEST_ID = 12  # Characters of a commit or of a hash.
_BUILT = re.compile(r"file:\S*/wheels/[0-9a-f]{64}/")  # The shelf of wheels that were built for environments.


def same_version(left: str, right: str) -> bool:
    """Tell whether two versions are one (PEP 440): `1.0` and `1.0.0` are; one that is not known may be any."""
    return left == right or not left or not right or canonicalize_version(left) == canonicalize_version(right)


def same_source(left: Source | None, right: Source | None) -> bool:
    """Tell whether two packages came from one place, as far as that is known.

    An archive of this machine may be the very one that an index has: its hash tells, where both are known.
    """
    if _contradict(left, right):
        return False
    if _is_release(left) and _is_release(right):
        return True
    if left is None or right is None or left.editable != right.editable:
        return False
    if not same_place(left.url, right.url):
        return False
    if left.commit and right.commit:
        return left.commit == right.commit
    known = {each for each in (left.revision, left.commit) if each}
    return not known or not (right.revision or right.commit) or not known.isdisjoint({right.revision, right.commit})


def _is_release(source: Source | None) -> bool:
    return source is None or (is_local(source.url) and not source.directory and not source.commit)


def _contradict(left: Source | None, right: Source | None) -> bool:
    """Tell whether two archives have different hashes of one algorithm."""
    one, other = (
        dict(each.split(":", 1) for each in source.hashes if ":" in each) if source else {} for source in (left, right)
    )
    return any(one[name] != other[name] for name in one.keys() & other.keys())


def origin(source: Source | None) -> str:
    """Say where a package comes from, to follow its version; nothing of an index."""
    if source is None:
        return ""
    commit = source.commit[:_LONGEST_ID] if source.commit else source.revision
    algorithm, _, value = min(source.hashes, default="").partition(":")
    place = _BUILT.sub("the wheel ", redact(source.url))
    told = [f" from {place}{f'@{commit}' if commit else ''}"]
    told += [" (editable)"] if source.editable else []
    told += [f" {algorithm}:{value[:_LONGEST_ID]}"] if value else []
    return "".join(told)
