"""What requirements files and locks tell an installer beside what they ask for: in the words of a tool, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.installers.effective import settings_of_pip

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from pytest_envrepro.provenance import Option

PLACES = ("--index-url", "--extra-index-url", "--find-links")
_PIP: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in (*PLACES, "--trusted-host", "--only-binary", "--no-binary", "--no-index")},
    **{name: (name,) for name in ("--pre", "--prefer-binary")},
    "--index-strategy": (),  # pip looks at all indexes anyway.
}
# uv reads some of them from files too, but there its user's own default index would win over theirs (uv 0.9).
_UV: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in ("--extra-index-url", "--find-links", "--only-binary", "--no-binary", "--no-index")},
    "--index-url": ("--default-index",),
    "--trusted-host": ("--allow-insecure-host",),
    "--pre": ("--prerelease", "allow"),
    "--index-strategy": ("--index-strategy",),
}
_WORDS: dict[str, dict[str, tuple[str, ...]]] = {"pip": _PIP, "uv": _UV}
# Of these, what the settings say counts in the place of what a file says.
_SINGLE: dict[str, set[str]] = {
    "--index-url": {"-i", "--index-url", "--default-index"},
    "--no-index": {"--no-index"},
    "--pre": {"--pre", "--prerelease"},
    "--prefer-binary": {"--prefer-binary"},
    "--index-strategy": {"--index-strategy"},
}
_OURS = {"--index-strategy"}  # Locks mean it; no requirements file can say it.
# The variables that name places as options do, with what parts them: every user of a machine can read a command line, with
# the credentials in it. uv leaves those of a variable aside for those of an option, where pip looks at both.
_VARIABLES: dict[str, dict[str, tuple[str, str]]] = {
    "pip": {
        "--index-url": ("PIP_INDEX_URL", ""),
        "--extra-index-url": ("PIP_EXTRA_INDEX_URL", " "),
        "--find-links": ("PIP_FIND_LINKS", " "),
    },
    "uv": {
        "--index-url": ("UV_DEFAULT_INDEX", ""),
        "--extra-index-url": ("UV_EXTRA_INDEX_URL", " "),
        "--find-links": ("UV_FIND_LINKS", ","),
    },
}
_WHY = {
    "--prefer-binary": 'uv has nothing like it: set installer = "pip"',
    "--require-hashes": "not all that is asked for has a hash: name a lock, as lock, whose pins all have one",
    "--no-require-hashes": "hashes that are there are held to",
    "--hash": "it belongs behind a requirement, whose line ends with a backslash where it goes on in the next",
    "--config-settings": "installer-args can say it, for all that is built",
}


def words_of(
    options: Iterable[Option], tool: str, arguments: Sequence[str], environ: Mapping[str, str]
) -> tuple[str, ...]:
    """Say in the words of `pip` or `uv` what files tell it, but for what `variables_of` says; paths in it are absolute.

    Args:
        arguments: the settings' own options for it, which count before those of files.
        environ: the user's variables.

    Raises:
        SettingsError: it cannot be told some of that; all of them are named, with file and line.
    """
    asked = tuple(options)
    own = {word.partition("=")[0] for word in arguments}
    refuse(asked, tool, own)
    unsaid = {name for name in _VARIABLES[tool] if _is_by_variable(name, asked, tool, own, environ)}
    found: dict[tuple[str, ...], None] = {}
    for option in asked:
        if not own & _SINGLE.get(option.name, set()) and option.name not in unsaid:
            found.update(dict.fromkeys(_said(option, _WORDS[tool][option.name], tool)))
    return tuple(word for words in found for word in words)


def variables_of(
    options: Iterable[Option], tool: str, arguments: Sequence[str], environ: Mapping[str, str]
) -> dict[str, str]:
    """Give variables that name places as files do: where there is a credential in one, or the user has set the variable.

    The user's own places come behind those of the files; of an index that is the only one, there are none.

    Args:
        arguments: the settings' own options for it: uv takes no notice of a variable where these name such places.
        environ: the user's variables.
    """
    asked = tuple(options)
    own = {word.partition("=")[0] for word in arguments}
    found = {}
    for name, (variable, separator) in _VARIABLES[tool].items():
        if not _is_by_variable(name, asked, tool, own, environ):
            continue
        filed = [each.value for each in asked if each.name == name]
        if not separator:
            found[variable] = filed[0]
            continue
        # A URL may have a comma as it is, and as `%2C` (RFC 3986, 2.2).
        quoted = [value.replace(separator, quote(separator)) for value in filed]
        users = filter(None, _users(name, tool, variable, environ).split(separator))
        found[variable] = separator.join(dict.fromkeys([*quoted, *users]))
    return found


def _is_by_variable(
    name: str, options: Iterable[Option], tool: str, own: Collection[str], environ: Mapping[str, str]
) -> bool:
    values = [option.value for option in options if option.name == name]
    if name in _SINGLE:
        return not _SINGLE[name].intersection(own) and any(redact(value) != value for value in values)
    if tool == "uv" and {name, "-f" if name == "--find-links" else name}.intersection(own):
        return False
    is_set = tool == "uv" and bool(environ.get(_VARIABLES[tool][name][0]))
    return bool(values) and (is_set or any(redact(value) != value for value in values))


def _users(name: str, tool: str, variable: str, environ: Mapping[str, str]) -> str:
    """Give the user's own places: uv looks at those of its files anyway, and pip only where no variable names others."""
    if environ.get(variable) or tool == "uv":
        return environ.get(variable, "")
    return " ".join(settings_of_pip(environ).get(name.removeprefix("--"), "").split())


def refuse(options: Iterable[Option], tool: str, own: Collection[str] = ()) -> None:
    """Refuse what a tool cannot be told, and two indexes that are both to be the only one.

    Args:
        own: the settings' own options, without their values.

    Raises:
        SettingsError: there is some.
    """
    faults: dict[str, None] = {}
    index: Option | None = None
    for option in options:
        place = f"  {option.file}:{option.line}: {redact(f'{option.name} {option.written}'.strip())}"
        if option.name not in _WORDS[tool]:
            faults[f"{place}: {_WHY.get(option.name, f'{tool} is not told that here')}"] = None
        elif option.name == "--index-url" and not _SINGLE["--index-url"] & set(own):
            index = index or option
            if index.value != option.value:
                faults[f"{place}: another index is named at {index.file}:{index.line}"] = None
    if faults:
        known = ", ".join(sorted(_WORDS[tool].keys() - _OURS))
        first = "options in files that an environment is made of cannot be followed:"
        raise SettingsError("\n".join([first, *faults, f"  what can be followed, with {tool}: {known}"]))


def table_of(options: Iterable[Option], table: dict[str, str]) -> dict[str, str]:
    """Add what files say to a table of pip's settings, as if it stood on the command line.

    Args:
        table: values by the names of options, without dashes.
    """
    merged = dict(table)
    for option in options:
        if option.name in _OURS:
            continue
        key = option.name.removeprefix("--")
        before = merged.get(key)
        if option.name in _SINGLE:
            merged[key] = option.value or "true"
        elif option.name in {"--only-binary", "--no-binary"}:
            merged[key] = ",".join(filter(None, (before, option.value)))
        elif option.value not in (before or "").split():
            merged[key] = "\n".join(filter(None, (before, option.value)))
    return merged


def _said(option: Option, words: tuple[str, ...], tool: str) -> Iterator[tuple[str, ...]]:
    if not option.value or not words:
        yield words
        return
    listed = option.value.split(",") if tool == "uv" and option.name.endswith("-binary") else [option.value]
    yield from ((*words, each.strip()) for each in listed)
