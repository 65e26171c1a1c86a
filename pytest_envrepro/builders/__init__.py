"""What has images built: a job to an image of an engine. A new one is a file here and a line in `BUILDERS`."""

from pytest_envrepro.builders.base import Builder, Connect, Job, Line
from pytest_envrepro.builders.buildkit import BuildKitBuilder
from pytest_envrepro.builders.classic import ClassicBuilder
from pytest_envrepro.builders.dockerfile import read_lines
from pytest_envrepro.builders.foreign import Foreign, fetching, foreign_images
from pytest_envrepro.builders.remote import RemoteBuilder, is_address
from pytest_envrepro.builders.running import remove_layers
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.kinds import each_added
from pytest_envrepro.values import did_you_mean

BUILDERS: tuple[Builder, ...] = (ClassicBuilder(), BuildKitBuilder())


def builder_for(word: str, connect: Connect) -> Builder:
    """Give the builder that settings ask for.

    Args:
        word: `engine`, `buildkit`, the address of an engine (`ssh://`, `tcp://`, `unix://`), or the name of an entry
            point of another distribution in the group `pytest_envrepro.builders`.
        connect: gives an engine by its address.

    Raises:
        SettingsError: there is none of that name; or the one of another distribution does not load.
    """
    if is_address(word):
        return RemoteBuilder(word, connect)
    own = next((each for each in BUILDERS if each.name == word), None)
    if own is not None:
        return own  # What others add is loaded only where it is asked for.
    others = {each.name: each for each in each_added("builders")}
    found = others.get(word)
    if found is None:
        known = [*(each.name for each in BUILDERS), *others]
        raise SettingsError(
            f"builder = '{word}' is not known here{did_you_mean(word, known)}; it may also be the address of an engine, as "
            "ssh://user@host or tcp://host:2376"
        )
    if found.fault:
        raise SettingsError(f"builder = '{word}': {found.fault}")
    if not callable(getattr(found.kind, "build", None)):
        raise SettingsError(f"builder = '{word}': {found.words} gives no builder: it has no method 'build'")
    builder: Builder = found.kind
    return builder


__all__ = [
    "BUILDERS",
    "Builder",
    "Foreign",
    "Job",
    "Line",
    "builder_for",
    "fetching",
    "foreign_images",
    "read_lines",
    "remove_layers",
]
