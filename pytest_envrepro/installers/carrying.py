"""The user's configuration of pip and uv, so that it holds in a container and in a build: and what that needs of files.

Indexes, folders of packages, certificates, credentials, proxies and time-outs go along. A target, a prefix, another
Python and a keyring do not.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.childenv import for_environments
from pytest_envrepro.installers.effective import pip_table
from pytest_envrepro.installers.filed import refuse, table_of, variables_of, words_of
from pytest_envrepro.installers.hidden import in_text, netrc_for, text_of, variables_in
from pytest_envrepro.installers.indexes import indexes_of, unsaid
from pytest_envrepro.installers.taking import ROOM, folders_of_index, inside, local_path, outermost
from pytest_envrepro.installers.uvwords import uv_files, uv_variables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.provenance import Option

_APART = ("cert", "client-cert", "proxy")  # Files of certificates, and what may be secret.
_INDEXES = ("index-url", "extra-index-url")
_FILES = ("constraint", "build-constraint")
_OPTIONS = {"-f": "find-links", "-i": "index-url"}
_PROXY = re.compile(r"(?i)(?:http|https|all|no)_proxy")
# Runs the newest pip that the Python's own `ensurepip` has, from its wheel.
_OF_THE_IMAGE = (
    "import ensurepip, glob, os, re, runpy, sys, sysconfig; places = (os.path.join(os.path.dirname(ensurepip.__file__), "
    "'_bundled'), sysconfig.get_config_var('WHEEL_PKG_DIR') or '/nowhere'); found = [f for p in places for f in "
    "glob.glob(p + '/pip-*.whl')]; sys.argv[0] = 'pip'; sys.path.insert(0, max(found, key=lambda f: [int(n) for n in "
    "re.findall('[0-9]+', os.path.basename(f))])); runpy.run_module('pip', run_name='__main__', alter_sys=True)"
)
CA, CLIENT, NETRC = f"{ROOM}/ca.pem", f"{ROOM}/client.pem", f"{ROOM}/netrc"
_TRUSTING = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO")


class Carried(NamedTuple):
    """A configuration, as it holds in a container.

    Attributes:
        pip: what pip is told, by the names of its options; paths in it are those of the container.
        arguments: the settings' own options, the same.
        uv: what uv is told besides, the same: pip has it among its own.
        files: what stands below ROOM, by its path there; secrets among it.
        places: folders of this machine that packages are found in; each stands at `inside(place)`.
        variables: of the programs that resolve and install: none of them is secret.
        arguments_of_build: variables with what may be secret: proxies, and those that requirements name as `${NAME}`.
        secrets: what may never be shown.
        wheel: pip's own, on this machine; None where none here is for that Python.
    """

    pip: Mapping[str, str]
    arguments: tuple[str, ...]
    uv: tuple[str, ...]
    files: Mapping[str, bytes]
    places: tuple[Path, ...]
    variables: Mapping[str, str]
    arguments_of_build: Mapping[str, str]
    secrets: tuple[str, ...]
    wheel: Path | None

    def pip_words(self, python: str) -> tuple[str, ...]:
        """Give the words that start a pip for a Python of the container that need not have one."""
        if self.wheel is None:
            return (python, "-I", "-c", _OF_THE_IMAGE)
        return (python, "-I", f"{ROOM}/{self.wheel.name}/pip")


def carry(  # noqa: PLR0913  # All but the first three are policy, by name.
    environ: Mapping[str, str],
    python: Python,
    folder: Path,
    *,
    ca_bundle: bytes | None = None,
    arguments: Sequence[str] = (),
    texts: Iterable[str] = (),
    options: Iterable[Option] = (),
    tool: str = "pip",
) -> Carried:
    """Read the user's configuration, for a container's Python.

    Args:
        environ: the user's variables.
        folder: an empty one, for files of this function's own.
        ca_bundle: what is to be trusted besides what pip's settings name: certificates in PEM.
        arguments: the settings' own options for pip or uv.
        texts: what is asked for: variables and hosts that it names count.
        options: what files of the settings tell an installer.
        tool: what chooses versions there, `pip` or `uv`; pip installs them.

    Raises:
        BuildError: a file of settings cannot be read.
        SettingsError: files tell an installer what cannot be followed.
    """
    asked = tuple(texts)
    seen = for_environments(environ, resolving=True)
    filed = tuple(options)
    refuse(filed, "pip", {word.partition("=")[0] for word in arguments})
    table = table_of(unsaid(filed, indexes_of("pip", seen, arguments)), pip_table(seen, folder, resolving=True))
    taking = _Taking()
    pip = {key: taking.value(key, value) for key, value in table.items() if key not in _APART}
    words = tuple(taking.options(arguments))
    filed = unsaid(filed, indexes_of("uv", seen, arguments))
    uv = tuple(taking.options(words_of(filed, "uv", arguments, seen))) if tool == "uv" else ()
    further = variables_of(filed, tool, arguments, seen)
    trusted = b"\n".join(filter(None, (text_of(Path(table["cert"])) if "cert" in table else b"", ca_bundle)))
    taking.files |= uv_files(seen, folder, taking.word)
    variables, private = uv_variables({**seen, **further}, taking.word)
    private |= _private(environ, seen, table, asked)
    said = [*pip.values(), *words, *uv, *private.values(), *asked, *map(_text, taking.files.values())]
    hosts, passwords = netrc_for(said, seen)
    client = text_of(Path(table["client-cert"])) if "client-cert" in table else b""
    if client:
        pip["client-cert"] = CLIENT
    variables |= taking.secret(trusted, client, hosts)
    return Carried(
        pip,
        words,
        uv,
        taking.files,
        outermost(taking.places),
        variables,
        private,
        _unseen(said, private, (*passwords, _text(client))),
        _pip_wheel(python),
    )


def _private(
    environ: Mapping[str, str], seen: Mapping[str, str], table: Mapping[str, str], asked: Iterable[str]
) -> dict[str, str]:
    """Give the variables that may be secret: proxies, and those that requirements name.

    Args:
        environ: the user's variables; seen: those of them that tools are given.
        table: pip's configuration.
    """
    found = {name: value for name, value in seen.items() if _PROXY.fullmatch(name)}
    found |= variables_in(asked, environ)
    return {**found, "PIP_PROXY": table["proxy"]} if "proxy" in table else found


def _unseen(said: Iterable[str], private: Mapping[str, str], passwords: Iterable[str]) -> tuple[str, ...]:
    """Give what may never be shown: credentials in what is said, variables that are named, passwords."""
    named = (value for name, value in private.items() if not _PROXY.fullmatch(name) and name != "PIP_PROXY")
    found = dict.fromkeys([*(each for text in said for each in in_text(text)), *named, *passwords])
    return tuple(filter(None, found))


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


class _Taking:
    """Puts the paths of the container in the place of those of this machine, and notes what is to be taken along."""

    def __init__(self) -> None:
        self.places: list[Path] = []
        self.files: dict[str, bytes] = {}

    def value(self, key: str, value: str) -> str:
        """Give the value of an option of pip."""
        if key in _FILES:
            return "\n".join(self._file(word) for word in value.split())
        if key in {*_INDEXES, "find-links"}:
            return "\n".join(self.word(word, is_index=key in _INDEXES) for word in value.split())
        return value

    def word(self, word: str, *, is_index: bool = False) -> str:
        """Give a place that packages are found at."""
        path = local_path(word)
        if path is None:
            return word
        if path.is_dir():
            self.places += folders_of_index(path) if is_index else (path,)
        elif path.is_file():  # A page with links, or an archive.
            self.places.append(path.parent)
        shown = inside(path)
        return Path(shown).as_uri() if is_index or word.lower().startswith("file:") else shown

    def _file(self, word: str) -> str:
        path = local_path(word)
        if path is None:
            return word
        name = f"bounds{len(self.files)}.txt"
        self.files[name] = text_of(path)
        return f"{ROOM}/{name}"

    def secret(self, trusted: bytes, client: bytes, hosts: str) -> dict[str, str]:
        """Take certificates and credentials along, where there are any, and give the variables that name them.

        Args:
            trusted: the certificates that are trusted; client: one's own, with its key.
            hosts: what a `.netrc` says.
        """
        variables: dict[str, str] = {}
        if trusted:
            self.files["ca.pem"] = trusted
            variables |= dict.fromkeys(_TRUSTING, CA)
        if client:
            self.files["client.pem"] = client
        if hosts:
            self.files["netrc"] = hosts.encode()
            variables["NETRC"] = NETRC
        return variables

    def options(self, words: Sequence[str]) -> Iterator[str]:
        """Give options as they hold in the container."""
        rest = iter(words)
        for word in rest:
            option, equals, value = word.partition("=")
            key = _OPTIONS.get(option, option.removeprefix("--"))
            is_place = key in {"find-links", *_INDEXES, "index", "default-index"}
            if not is_place:
                yield word
            elif equals and option.startswith("--"):
                yield f"{option}={self.word(value, is_index=key != 'find-links')}"
            else:
                yield word
                yield self.word(next(rest, ""), is_index=key != "find-links")


def _pip_wheel(python: Python) -> Path | None:
    """Find the wheel of pip that virtualenv ships for a Python: it runs as it is, and needs no `ensurepip`."""
    try:
        from virtualenv.seed.wheels.embed import get_embed_wheel  # noqa: PLC0415  # Is needed here alone.
    except ImportError:
        return None
    wheel = get_embed_wheel("pip", ".".join(python.interpreter.version.split(".")[:2]))
    return Path(wheel.path) if wheel is not None and os.path.isfile(wheel.path) else None
