"""What a stage of a build needs to install pins: files, variables, and the words of the commands; no secret among them.

Of the folders of packages on this machine only those files go along that the pins mean.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.errors import BuildError
from pytest_envrepro.installers.effective import written
from pytest_envrepro.installers.hidden import in_text as secrets_in
from pytest_envrepro.installers.pinning import render
from pytest_envrepro.installers.taking import ROOM, archives_of, files_for, moved_pin

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pytest_envrepro.installers.carrying import Carried
    from pytest_envrepro.installers.pinning import Pinned, Resolved, Sources

_BOUNDS = ("constraint",)
_WHEELS = f"{ROOM}/wheels"
# Options of settings that would look for files where a build has none.
_HOST = f"{ROOM}/host/"


class Needs(NamedTuple):
    """What a stage needs.

    Attributes:
        files: what stands below ROOM, by its path there: its content, or a file of this machine.
        keyed: those of them that tell what is installed: pins, and archives of this machine.
        variables: of the commands; none is secret.
        arguments: build arguments; their values may be secret.
        pip: the words that start pip for the environment.
        commands: what installs, the words of each; none where nothing is to be installed.
        secrets: what may never be shown.
    """

    files: Mapping[str, bytes | Path]
    keyed: frozenset[str]
    variables: Mapping[str, str]
    arguments: Mapping[str, str]
    pip: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]
    secrets: tuple[str, ...]


def needs_of(
    resolved: Resolved, carried: Carried, sources: Sources, *, python: str, left: Collection[str] = ()
) -> Needs:
    """Say what it takes to install what was chosen, and nothing else, into an environment without a pip of its own.

    Args:
        sources: what was asked for: archives of this machine among it go along.
        python: the environment's own interpreter, as `/opt/environment/bin/python`.
        left: the canonical names of what another step installs, with `pip`: this project.

    Raises:
        BuildError: an archive of this machine is gone, or is another one by now.
    """
    archives = archives_of(sources)
    pins = [moved_pin(pin, archives) for pin in resolved.pins if pin.name not in left]
    files: dict[str, bytes | Path] = {}
    for pin in pins:
        files |= _archive(pin, archives)
    hashed = [pin for pin in pins if pin.hashes]
    commands = []
    # Where one requirement has a hash, pip wants all to have one: the others are installed in a step of their own.
    for name, some in (("hashed.txt", hashed), ("unhashed.txt", [pin for pin in pins if not pin.hashes])):
        if some:
            # Without who asks for them: that does not change what is installed.
            files[name] = render(pin._replace(via=()) for pin in some).encode()
            commands.append(_command(python, carried, name))
    keyed = frozenset(files)  # What comes from a folder or from an index is the same: its hash stands in the pin.
    for path in files_for(pins, carried.places):
        files[f"wheels/{path.name}"] = path
    is_used = bool(commands or left)
    if is_used:
        files["pip.conf"] = written(
            _table(carried, has_wheels=any(name.startswith("wheels/") for name in files))
        ).encode()
        files |= {
            name: data for name, data in carried.files.items() if not name.startswith(("config/", "machine/", "bounds"))
        }
        if carried.wheel is not None:
            files[carried.wheel.name] = carried.wheel
    variables = {name: value for name, value in carried.variables.items() if not name.startswith("UV_")}
    private = [secret for pin in pins for secret in secrets_in(pin.line)]
    arguments = {name: value for name, value in carried.arguments_of_build.items() if not name.startswith("UV_")}
    return Needs(
        dict(sorted(files.items())),
        keyed,
        {**variables, "PIP_CONFIG_FILE": f"{ROOM}/pip.conf"} if is_used else {},
        arguments if is_used else {},
        carried.pip_words(python),
        tuple(commands),
        tuple(dict.fromkeys((*carried.secrets, *private))) if is_used else (),
    )


def _archive(pin: Pinned, archives: Mapping[str, Path]) -> dict[str, Path]:
    if pin.url is None or not pin.url.startswith(f"file://{ROOM}/local/"):
        return {}
    found = next((room for room in archives if Path(room).as_uri() == pin.url.partition("#")[0]), None)
    if found is None:
        raise BuildError(
            f"{pin.name} was chosen from {pin.url.rpartition('/')[2]}, which is another one by now, or gone"
        )
    return {found.removeprefix(f"{ROOM}/"): archives[found]}


def _command(python: str, carried: Carried, file: str) -> tuple[str, ...]:
    hashes = ("--require-hashes",) if file == "hashed.txt" else ()
    words = ("install", "--no-deps", "--no-compile", "--no-warn-script-location", *hashes)
    return (*carried.pip_words(python), *words, *_options(carried), "-r", f"{ROOM}/{file}")


def _options(carried: Carried) -> tuple[str, ...]:
    """Give the settings' own options, without folders that are not there."""
    kept: list[str] = []
    rest = iter(carried.arguments)
    for word in rest:
        if re.match(r"(?:-f|-i|--find-links|--index-url|--extra-index-url)$", word):
            value = next(rest, "")
            kept += [] if _HOST in value else [word, value]
        elif not (word.startswith("--") and _HOST in word):
            kept.append(word)
    return tuple(kept)


def _table(carried: Carried, *, has_wheels: bool) -> dict[str, str]:
    """Leave out the folders of this machine: the files that count lie in one folder of their own."""
    table = {key: value for key, value in carried.pip.items() if key not in _BOUNDS}
    for key in ("find-links", "index-url", "extra-index-url"):
        words = [word for word in table.get(key, "").split() if _HOST not in word]
        lost_index = key == "index-url" and key in table and not words
        table.pop(key, None)
        if words:
            table[key] = "\n".join(words)
        elif lost_index:  # Nothing is to come from where pip would look by itself.
            first, *others = [word for word in carried.pip.get("extra-index-url", "").split() if _HOST not in word] or [
                ""
            ]
            table |= {"index-url": first} if first else {"no-index": "true"}
            table["extra-index-url"] = "\n".join(others)
    if has_wheels:
        table["find-links"] = "\n".join(filter(None, (table.get("find-links"), _WHEELS)))
    return {key: value for key, value in table.items() if value}
