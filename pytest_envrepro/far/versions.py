"""The order of versions (PEP 440), where no library for it can be counted on."""

from __future__ import annotations

import re

_VERSION = re.compile(
    r"""\s*v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)
    (?:[-_.]?(?P<pre>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<pre_number>\d*))?
    (?:-(?P<plain>\d+)|(?P<post>[-_.]?(?:post|rev|r)[-_.]?)(?P<post_number>\d*))?
    (?:(?P<dev>[-_.]?dev[-_.]?)(?P<dev_number>\d*))?
    (?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?\s*""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
# A letter alone decides between the kinds: `rc` has several spellings.
_KINDS = {"a": "a", "alpha": "a", "b": "b", "beta": "b", "c": "rc", "rc": "rc", "pre": "rc", "preview": "rc"}
_FIRST, _LAST = (0, "", 0), (2, "", 0)  # Before and after all pre-releases, which have a 1.


class InvalidVersion(ValueError):  # noqa: N818  # The name is that of packaging.
    """A version is none by PEP 440."""


def order(version: str) -> tuple[object, ...]:
    """Give what is to be compared in the place of a version.

    Raises:
        InvalidVersion: it is none.
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        raise InvalidVersion(f"Invalid version: {version!r}")
    release = [int(part) for part in match["release"].split(".")]
    while release and release[-1] == 0:
        release.pop()
    is_post = match["plain"] is not None or match["post"] is not None
    post = int(match["plain"] or match["post_number"] or 0) if is_post else -1
    is_dev = match["dev"] is not None
    if match["pre"] is not None:
        pre = 1, _KINDS[match["pre"].lower()], int(match["pre_number"] or 0)
    else:
        # `1.dev0` comes before `1a0`; `1` and `1.post0.dev0` after all of these.
        pre = _FIRST if is_dev and not is_post else _LAST
    dev = (0, int(match["dev_number"] or 0)) if is_dev else (1, 0)
    return int(match["epoch"] or 0), tuple(release), pre, post, dev, _local(match["local"])


def _local(text: str | None) -> tuple[tuple[int, int, str], ...]:
    """Numbers come after words there, and no local version before any."""
    parts = re.split(r"[-_.]", text.lower()) if text else []
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts)
