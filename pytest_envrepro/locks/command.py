"""A compile command, option by option: which files and options a lock has to be compared with.

It comes from a lock's header, which is untrusted input: it is split, never run, and never given to a shell.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.credentials import redact
from pytest_envrepro.locks.exports import is_export

if TYPE_CHECKING:
    from collections.abc import Iterable

# The options that say what is compiled, by the field that they fill.
_VALUED = {
    "-o": "output",
    "--output-file": "output",
    "--output": "output",
    "-c": "constraints",
    "--constraint": "constraints",
    "--constraints": "constraints",
    "--override": "overrides",
    "--overrides": "overrides",
    "--exclude": "excludes",
    "--excludes": "excludes",
    "--extra": "extras",
    "--group": "groups",
    "--python-version": "python",
    "--python-platform": "platform",
    "--unsafe-package": "unsafe",
    "--no-emit-package": "unsafe",
    "--config": "config",
    "--config-file": "config",
    "--build-deps-for": "build_for",
    "-p": "interpreter",
    "--python": "interpreter",
}
_FLAGS = {
    "--all-extras": ("all_extras",),
    "--universal": ("universal",),
    "--no-deps": ("no_deps",),
    "--allow-unsafe": ("allow_unsafe",),
    "--generate-hashes": ("hashes",),
    "--no-config": ("no_config",),
    "--all-build-deps": ("build",),
    "--only-build-deps": ("build", "only_build"),
}
_FLAGS_OF_PIP_TOOLS = frozenset({"-p", "--color"})  # uv takes a value for them.
# Options with a value that is of no interest here: it must not be taken for an input.
_SKIPPED_VALUES = frozenset(
    (
        *("-f", "--find-links", "-i", "--index-url", "--extra-index-url", "--index", "--default-index"),
        *("--trusted-host", "--allow-insecure-host", "--cert", "--client-cert", "--cache-dir", "--pip-args"),
        *("--index-strategy", "--keyring-provider", "--annotation-style", "--resolver", "--newline"),
        *("--resolution", "--prerelease", "--prerelease-package", "--fork-strategy", "--format"),
        *("--exclude-newer", "--exclude-newer-package", "--uploaded-prior-to", "--link-mode", "--max-rounds"),
        *("-b", "--build-constraint", "--build-constraints", "--no-binary", "--only-binary"),
        *("-C", "--config-setting", "--config-settings", "--config-settings-package"),
        *("--no-build-isolation-package", "--no-sources-package", "--torch-backend", "--refresh-package"),
        *("-P", "--upgrade-package", "--upgrade-group", "--custom-compile-command", "--color"),
        *("--directory", "--project"),
    )
)
_SINGLE = frozenset({"output", "python", "platform", "config", "build_for", "interpreter"})
_NOT_GIVEN = "=None"  # What pip-tools 7.5.0 writes, with click 8.3, for each option that was not given.
_METACHARACTERS = re.compile(r"[;&|<>$`\\\s(){}*?!~#'\"]")
SHELL_WORDS = frozenset({"&&", "||", "|", "&", ">", ">>", "<"})
_VERSION = re.compile(r"\d+\.\d+(?:\.\d+)?")
_MODULE = re.compile(r"python(?:3(?:\.\d+)?)?")
_SYSTEMS = (
    (("linux",), {"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux"}),
    (("macos", "darwin"), {"sys_platform": "darwin", "os_name": "posix", "platform_system": "Darwin"}),
    (("windows", "win32"), {"sys_platform": "win32", "os_name": "nt", "platform_system": "Windows"}),
)
_OTHER_SYSTEMS = ("android", "ios", "pyodide", "wasm")
# What uv's short names stand for.
_MACHINES = {"linux": "x86_64", "macos": "arm64", "windows": "AMD64"}
# A machine has other names on other systems.
_MACHINES_OF = {
    ("darwin", "aarch64"): "arm64",
    ("win32", "x86_64"): "AMD64",
    ("win32", "aarch64"): "ARM64",
    ("win32", "i686"): "x86",
}


class Command(NamedTuple):
    """A compile command.

    Attributes:
        tool: `pip-compile` or `uv`; None where the command is somebody's own (`make lock`).
        argv: the words; empty where the command is somebody's own.
        text: the command in one line, without credentials; empty where nobody should be told to run it, as what a
            header says to be somebody's own command.
        own: such a command, without credentials: to be quoted, not to be run.
        sources: the inputs, relative to the folder that it was run in, as all its paths.
        unsafe: names of packages that are left out.
        config: the file with the compiler's own settings, where it is named.
        build: whether the requirements of building the project are compiled too.
        only_build: whether nothing else is.
        exported: whether another lock is written in this form, and no input compiled.
    """

    tool: str | None = None
    argv: tuple[str, ...] = ()
    text: str = ""
    own: str = ""
    sources: tuple[str, ...] = ()
    output: str | None = None
    constraints: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    unsafe: tuple[str, ...] = ()
    python: str | None = None
    platform: str | None = None
    config: str | None = None
    all_extras: bool = False
    universal: bool = False
    no_deps: bool = False
    allow_unsafe: bool = False
    hashes: bool = False
    no_config: bool = False
    build: bool = False
    only_build: bool = False
    exported: bool = False


def read_command(text: str) -> Command:
    """Read a command from a header; one that is not pip-compile's or uv's tells no inputs."""
    try:
        argv = _split(text)
    except ValueError:
        return Command(own=redact(text))
    if is_export(argv) and argv[-2] == ">":
        argv, redirected = argv[:-2], f" > {shlex.quote(argv[-1])}"
    else:
        redirected = ""
    if any(word in SHELL_WORDS or word.endswith(";") for word in argv):
        return Command(own=redact(text))
    if is_export(argv):
        output = _read_options(argv[2:], argv[0]).output
        return Command(tool=argv[0], argv=argv, text=f"{_join(argv)}{redirected}", output=output, exported=True)
    start = _start(argv)
    if not start:
        return Command(own=redact(text))
    tool = "uv" if argv[0] == "uv" else "pip-compile"
    if tool == "pip-compile":
        argv = tuple(word for word in argv if not (word.startswith("--") and word.endswith(_NOT_GIVEN)))
    return _read_options(argv[start:], tool)._replace(tool=tool, argv=argv, text=_join(argv))


def _split(text: str) -> tuple[str, ...]:
    """Split as a shell does, but keep backslashes: no compiler escapes with them, and on Windows they part paths."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    lexer.escape = ""
    return tuple(lexer)


def _join(argv: Iterable[str]) -> str:
    return " ".join(redact(shlex.quote(word) if _METACHARACTERS.search(word) else word) for word in argv)


def _start(argv: tuple[str, ...]) -> int:
    """Find where a compile command's arguments begin; 0 where it is none."""
    if argv[:1] == ("pip-compile",):
        return 1
    if argv[:3] == ("uv", "pip", "compile"):
        return 3
    if argv and _MODULE.fullmatch(argv[0]) and argv[1:4] == ("-m", "piptools", "compile"):
        return 4
    return 0


def _read_options(words: Iterable[str], tool: str) -> Command:
    single: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    flags: dict[str, bool] = {}
    rest = iter(words)
    for word in rest:
        option, value = _option_of(word)
        if option in _FLAGS or (tool == "pip-compile" and option in _FLAGS_OF_PIP_TOOLS):
            flags.update(dict.fromkeys(_FLAGS.get(option, ()), True))
        elif option in _VALUED or option in _SKIPPED_VALUES:
            name = _VALUED.get(option, "")
            value = next(rest, "") if value is None else value
            if name in _SINGLE:
                single[name] = value
            elif name:
                lists.setdefault(name, []).extend(value.split(",") if name in ("extras", "unsafe") else [value])
        elif word == "--":
            lists.setdefault("sources", []).extend(rest)
        elif not word.startswith("-") or word == "-":
            lists.setdefault("sources", []).append(word)
    if single.pop("build_for", None):
        flags["build"] = True
    interpreter = single.pop("interpreter", "")
    if _VERSION.fullmatch(interpreter):
        single.setdefault("python", interpreter)
    collected = {name: tuple(filter(None, values)) for name, values in lists.items()}
    return Command(**single, **collected, **flags)  # type: ignore[arg-type]  # The tables above name the fields.


def _option_of(word: str) -> tuple[str, str | None]:
    """Part an option from a value that is joined to it: `--extra=dev`, `-orequirements.txt`."""
    option, has_value, value = word.partition("=")
    if has_value:
        return option, value
    if len(word) > 2 and word[0] == "-" != word[1] and (word[:2] in _VALUED or word[:2] in _SKIPPED_VALUES):  # noqa: PLR2004  # `-o`.
        return word[:2], word[2:]
    return word, None


def platform_variables(platform: str) -> tuple[tuple[str, str], ...]:
    """Give the marker variables of uv's `--python-platform` (`windows`, `x86_64-unknown-linux-gnu`); none if unknown."""
    if any(word in platform for word in _OTHER_SYSTEMS):
        return ()
    for words, variables in _SYSTEMS:
        if any(word in platform for word in words):
            machine, dash, _ = platform.partition("-")
            named = _MACHINES_OF.get((variables["sys_platform"], machine), machine) if dash else _MACHINES.get(platform)
            return tuple({**variables, "platform_machine": named}.items()) if named else ()
    return ()


def unknown_platform(platform: str | None) -> str | None:
    """Say why a lock for a platform cannot be judged: its marker variables are not known; None where they are."""
    if platform is None or platform_variables(platform):
        return None
    return f"compiled for the platform '{platform}', which is not known"
