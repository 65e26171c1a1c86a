"""A base image of one test run's own, and what of the engine's comes from it: images and containers inherit its label."""

from __future__ import annotations

import contextlib
import io
import tarfile
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import pytest
from containing import BASE

if TYPE_CHECKING:
    from collections.abc import Iterator

LABEL = "envrepro-tests.run"


class Base(NamedTuple):
    """The image that all containers of a test run begin with.

    Attributes:
        reference: its name.
        api: docker-py's own client.
    """

    reference: str
    run: str
    api: Any

    @property
    def ours(self) -> dict[str, str]:
        """The filter of the engine's that finds what comes from it."""
        return {"label": f"{LABEL}={self.run}"}

    def containers(self) -> list[str]:
        """Give the names of the containers that come from it, running or not."""
        found = self.api.containers(all=True, filters=self.ours)
        return sorted(each["Names"][0].lstrip("/") for each in found if each["Names"])

    def images(self, name: str = "") -> list[str]:
        """Give the names of the images that come from it: those that begin so."""
        found = self.api.images(filters=self.ours)
        return sorted(tag for each in found for tag in each["RepoTags"] or () if tag.startswith(name))

    def layers(self) -> set[str]:
        """Give the ids of all images that come from it, those without a name and those below others too."""
        return {each["Id"] for each in self.api.images(all=True, filters=self.ours)}

    def steps(self, word: str) -> list[str]:
        """Give the containers of steps of builds that run at this moment, by a word of their command."""
        return [each["Id"] for each in self.api.containers(filters=self.ours) if word in each["Command"]]

    def built(self, *lines: str) -> str:
        """Build an image on it, and give its name."""
        reference = f"envrepro-tests/{uuid4().hex}:1"
        build(self.api, reference, [f"FROM {self.reference}", *lines])
        return reference

    def remove(self) -> None:
        """Remove all that comes from it."""
        from docker.errors import NotFound  # noqa: PLC0415  # As in `containing`.

        for each in self.api.containers(all=True, filters=self.ours):
            self.api.remove_container(each["Id"], force=True, v=True)
        for each in self.api.images(filters=self.ours):
            with contextlib.suppress(NotFound):  # It has gone with one that was made of it.
                self.api.remove_image(each["Id"], force=True)


def table(base: str, more: str = "") -> str:
    """Declare the environment `box`: a container of an image that is there, without packages.

    Args:
        base: the image, by its name.
        more: further settings, a line each.
    """
    return f"""
[tool.envrepro.environments.box]
kind = "container"
base-image = "{base}"
pull = "never"
{more}
"""


def build(api: Any, reference: str, lines: list[str]) -> None:
    """Build an image without a context."""
    text = "\n".join(lines).encode()
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("Dockerfile")
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text))
    said = [*api.build(fileobj=io.BytesIO(file.getvalue()), custom_context=True, tag=reference, rm=True, decode=True)]
    assert not [each for each in said if "error" in each], said


@contextlib.contextmanager
def based(api: Any) -> Iterator[Base]:
    """Give a base image of a run's own; all that comes of it is gone in the end."""
    found = marked(api)
    try:
        yield found
    finally:
        found.remove()


def marked(api: Any) -> Base:
    """Make the base image of a test run."""
    run = uuid4().hex
    reference = f"envrepro-tests/{run}:base"
    build(api, reference, [f"FROM {BASE}", f"LABEL {LABEL}={run}"])
    return Base(reference, run, api)


@pytest.fixture(name="base")
def base_of_a_test(base_image: str, docker_api: Any) -> Iterator[Base]:  # noqa: ARG001  # It is made of that.
    """Give a base of the test's own, where what comes of it is counted: other tests leave things of theirs."""
    with based(docker_api) as found:
        yield found
