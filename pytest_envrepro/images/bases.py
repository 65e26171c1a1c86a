"""The image that an environment begins with where its settings name none: the official one of its Python."""

from __future__ import annotations

import re

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from pytest_envrepro.errors import SettingsError

_EXACT = re.compile(r"(?P<implementation>[a-z]*)[-@]?(?P<version>\d+\.\d+(?:\.\d+)?(?:(?:a|b|rc)\d+)?)", re.IGNORECASE)
_SHORT = re.compile(r"(?P<implementation>[a-z]*)(?P<major>3)(?P<minor>\d{1,2})", re.IGNORECASE)
_NAMES = {
    **dict.fromkeys(("", "python", "py", "cpython", "cp"), "python"),
    **dict.fromkeys(("pypy", "pp"), "pypy"),
}
_VARIANT = "slim"


def default_base(python: str | None, running: str) -> str:
    """Give the reference of an image for a Python: `python:3.12-slim`.

    Args:
        python: as the settings write it; None for the one that runs pytest.
        running: the version of that one, such as `3.12.4`.

    Raises:
        SettingsError: no image is known for it; the message says what to write.
    """
    minor = ".".join(running.split(".")[:2])
    text = minor if python is None else python.strip()
    exact = _EXACT.fullmatch(text)
    if exact and exact["implementation"].lower() in _NAMES:
        return f"{_NAMES[exact['implementation'].lower()]}:{exact['version']}-{_VARIANT}"
    short = _SHORT.fullmatch(text)
    if short and short["implementation"].lower() in _NAMES:
        return f"{_NAMES[short['implementation'].lower()]}:{short['major']}.{short['minor']}-{_VARIANT}"
    if _admits(text, running):
        return f"python:{minor}-{_VARIANT}"
    raise SettingsError(
        f'no image is known for python = "{text}": write base-image, such as "python:{minor}-{_VARIANT}"'
    )


def _admits(text: str, running: str) -> bool:
    """Tell whether the Python that runs pytest is in a range."""
    if not re.match(r"[<>=!~]", text):
        return False
    try:
        return SpecifierSet(text).contains(running, prereleases=True)
    except InvalidSpecifier:
        return False
