"""Keys of images: digests of all that decides what is in one, and of nothing that is one machine's or one day's."""

from __future__ import annotations

import hashlib
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_envrepro.images.base import Recipe

TEMPLATE = "1"  # Of what recipes mean: another one leaves all images that were made before aside.
SHORT = 24  # Characters of a key, in a tag.


def key_of_stage(recipe: Recipe, *, identity: str, platform: str, files: Mapping[str, str]) -> str:
    """Digest what a stage comes from.

    Args:
        identity: of what it begins with: its digest, else its id; of a stage of ours its key.
        platform: `linux/amd64`.
        files: the digests of what it copies, by the names in the context: those that decide.
    """
    lines = [line.key for line in recipe.lines if line.key is not None]
    named = [part for name in sorted(files) for part in (name, files[name])]
    at_run_time = [part for name in sorted(recipe.at_run_time) for part in (name, recipe.at_run_time[name])]
    return digest([[TEMPLATE, identity, platform], lines, named, at_run_time])


def key_of_own(dockerfile: bytes, *, arguments: Mapping[str, str], platform: str, files: Mapping[str, str]) -> str:
    """Digest what an image of one's own Dockerfile comes from, but for what its `FROM` stands for today.

    Args:
        arguments: of the build.
        files: the digests of what is in its context, by name.
    """
    given = [part for name in sorted(arguments) for part in (name, arguments[name])]
    named = [part for name in sorted(files) for part in (name, files[name])]
    return digest([[TEMPLATE, hashlib.sha256(dockerfile).hexdigest(), platform], given, named])


def key_of_container(  # noqa: PLR0913  # Each is a fact of its own.
    image: str,
    *,
    network: str | None,
    limits: Mapping[str, int | float],
    platform: str = "",
    user: str | None = None,
    workdir: str | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Digest what decides how programs run in an image: its own key, and what each container is started with.

    Args:
        platform: of the image, where its key does not have it; user, workdir, environment: the same.
    """
    numbers = [part for name in sorted(limits) for part in (name, repr(float(limits[name])))]
    variables = [part for name in sorted(environment) for part in (name, environment[name])]
    who = ["", ""] if user is None else [user, "named"]
    who += [] if workdir is None else [workdir]
    return digest(
        [[TEMPLATE, image, network or "", "" if network is None else "named"], numbers, [platform, *who], variables]
    )


def digest(groups: Iterable[Iterable[str]]) -> str:
    """Digest groups of texts: each has its length before it, so that no two lists of groups come to the same."""
    found = hashlib.sha256()
    for group in groups:
        texts = [*group]
        found.update(f"({len(texts)}".encode())
        for text in texts:
            encoded = text.encode(errors="surrogatepass")
            found.update(f"{len(encoded)}:".encode())
            found.update(encoded)
        found.update(b")")
    return found.hexdigest()


def tag(name: str, key: str) -> str:
    """Give the name of an image: `envrepro/NAME:KEY`.

    Args:
        name: for people; what no name of an image may hold becomes `-`, and nothing becomes `env`.
    """
    kept = "".join(each if each.isascii() and each.isalnum() else "-" for each in name.lower())
    short = "-".join(part for part in kept.split("-") if part)[:100].strip("-")
    return f"envrepro/{short or 'env'}:{key[:SHORT]}"
