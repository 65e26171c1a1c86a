"""The indexes that projects of pipenv's and pdm's name in tables of their own, as options of an installer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_envrepro.credentials import redact
from pytest_envrepro.locks.faults import unreadable
from pytest_envrepro.locks.keys import Keys
from pytest_envrepro.locks.syntax import expand
from pytest_envrepro.places import taken_apart
from pytest_envrepro.provenance import Option

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_envrepro.locks.base import Tree
    from pytest_envrepro.outcome import Finding

# A source of this name takes the place of the usual index (pdm's documentation: Configure the Project).
_USUAL = "pypi"


def trusted(sources: Iterable[Mapping[str, Any]], file: str, line: int) -> Iterator[Option]:
    """Give the hosts whose certificates are not to be checked.

    Args:
        file: that the tables stand in; line: of the first.
    """
    for source in sources:
        url = source.get("url")
        parts = taken_apart(url) if isinstance(url, str) and source.get("verify_ssl") is False else None
        if parts is not None:
            host = parts.netloc.rpartition("@")[2]
            yield Option("--trusted-host", host, host, file, line)


def faults_of(sources: Iterable[Mapping[str, Any]], file: str, text: str) -> Iterator[Finding]:
    """Give, for each URL that is none, the finding at its line: no installer could ask that index.

    Args:
        file: that the tables stand in; text: what else does.
    """
    for source in sources:
        url = source.get("url")
        if isinstance(url, str) and taken_apart(url) is None:
            line = Keys(file, text).line_of(url)
            yield unreadable((file, line), f"'{redact(url)}' is no URL: what its brackets hold is no address")


def named_in(settings: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give the tables `[[tool.pdm.source]]`.

    Args:
        settings: the table `[tool.pdm]`.
    """
    listed = settings.get("source")
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def indexes(settings: Mapping[str, Any], file: str, tree: Tree) -> Iterator[Option]:
    """Give the places where pdm looks for packages: its locks name none.

    Args:
        settings: the table `[tool.pdm]`.
        file: that it stands in.
        tree: the files, and the variables that URLs may name.
    """
    sources = named_in(settings)
    if not sources:
        return
    text = tree.read(file)
    line = text.count("\n", 0, max(text.find("tool.pdm.source"), 0)) + 1
    for source in sources:
        url = source.get("url")
        if isinstance(url, str):
            is_folder = source.get("type") == "find_links"
            name = "--index-url" if source.get("name") == _USUAL else "--extra-index-url"
            yield Option("--find-links" if is_folder else name, expand(url, tree.environ), url, file, line)
    yield from trusted(sources, file, line)
