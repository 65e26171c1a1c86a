"""Which parts of settings are secrets: so that they are never shown, and no image keeps a layer that has them."""

from __future__ import annotations

import contextlib
import netrc
import os
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_USER = re.compile(r"(?P<scheme>\w+)://(?P<user>[^/\s@'\"]+)@")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_URL = re.compile(r"https?://[^\s'\"]+")
_SECRET_NAME = re.compile(r"(?i)token|passw|secret|key|sig")
_QUERY = re.compile(r"[?&]([\w-]+)=([^&\s#'\"]+)")
_HARMLESS = {"git", "hg"}
_SPECIAL = re.compile(r"[\s\"\\#]")


def in_text(text: str) -> Iterator[str]:
    """Give the user names, passwords and tokens in the URLs of a text, as they are written and as they are meant."""
    for match in _USER.finditer(text):
        user, _, password = match["user"].partition(":")
        if match["user"] in _HARMLESS or (match["scheme"].endswith("ssh") and not password):
            continue
        for each in (match["user"], password or user):
            yield from dict.fromkeys((each, unquote(each)))
    for match in _QUERY.finditer(text):
        if _SECRET_NAME.search(match[1]):
            yield from dict.fromkeys((match[2], unquote(match[2])))


def variables_in(texts: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Give the variables that requirements name as `${NAME}`, as far as they are set."""
    names = {name for text in texts for name in _VARIABLE.findall(text)}
    return {name: environ[name] for name in sorted(names) if name in environ}


def netrc_for(texts: Iterable[str], environ: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Give what the user's netrc says of the hosts that texts name, and no more; and the passwords in it."""
    hosts = {urlsplit(url).hostname for text in texts for url in _URL.findall(text)}
    place = environ.get("NETRC") or os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".netrc")
    lines, passwords = [], []
    with contextlib.suppress(OSError, netrc.NetrcParseError, UnicodeDecodeError):
        known = netrc.netrc(place)
        for host in sorted(filter(None, hosts)):
            found = known.hosts.get(host)  # Never `default`: whose that is, nobody knows.
            if found is not None:
                login, _, password = found
                lines.append(f"machine {host} login {_quoted(login)} password {_quoted(password or '')}")
                passwords.append(password or "")
    return "".join(f"{line}\n" for line in lines), tuple(filter(None, passwords))


def _quoted(word: str) -> str:
    if word and not _SPECIAL.search(word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def text_of(path: Path) -> bytes:
    """Give a file that settings name; nothing where it cannot be read: the tool that misses it has the better words."""
    with contextlib.suppress(OSError):
        return path.read_bytes()
    return b""
