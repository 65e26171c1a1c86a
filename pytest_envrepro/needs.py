"""What a package needs, as text: a dependency specifier (PEP 508), or another kind's, which says so before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_envrepro.requirement import CONDA, parse

if TYPE_CHECKING:
    from pytest_envrepro.requirement import Requirement


def read_need(text: str) -> Requirement:
    """Parse `numpy>=1; extra == "x"`, or `conda:numpy >=1`.

    Raises:
        ValueError: the text is none, or what reads that kind is not installed.
    """
    if not text.startswith(CONDA):
        return parse(text)
    try:
        from pytest_envrepro.condaspecs import parse_match  # noqa: PLC0415  # Brings py-rattler, and may be absent.
    except ImportError as error:
        raise ValueError("py-rattler is not installed: pip install 'pytest-envrepro[conda]'") from error
    return parse_match(text[len(CONDA) :])
