"""Well-known reasons why something cannot be had or built in a container, by what programs say, and what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator


class Reason(NamedTuple):
    """A reason.

    Attributes:
        pattern: what is said of it.
        advice: what to do; `{}` stands for what the pattern's group holds.
        is_alone: whether no further reason counts where this one does: those follow from it.
    """

    pattern: re.Pattern[str]
    advice: str
    is_alone: bool = False


def _reason(pattern: str, advice: str, *, is_alone: bool = False) -> Reason:
    return Reason(re.compile(pattern, re.IGNORECASE), advice, is_alone)


_NAME = r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
_FULL = _reason(
    r"no space left on device|disk quota exceeded",
    "the engine's disk is full: `docker system df` tells what fills it; images of ours are removed by "
    "`pytest --env-clean`",
    is_alone=True,
)
_REASONS = (
    _FULL,
    _reason(
        r"CERTIFICATE_VERIFY_FAILED|certificate verif(?:y|ication) failed|self[- ]signed certificate|unknown ?issuer"
        r"|unable to get local issuer|certificate is not trusted|invalid peer certificate|no system certificates available",
        'a certificate is not trusted in the image, as behind a proxy that looks into TLS: ca-bundle = "host" gives the '
        'build the certificates of this machine (or ca-bundle = "path/to/bundle.pem"); the final image does not have them',
        is_alone=True,
    ),
    _reason(
        r"temporary failure (?:in name resolution|resolving)|name or service not known|could not resolve|network is unreachable"
        r"|no route to host|dns error|failed to lookup address|failed to establish a new connection|NameResolutionError",
        "{network}",
        is_alone=True,
    ),
    _reason(
        r"unable to locate package ([^\s'\",]+)",
        "apt knows no package '{}' in this release of the base image: is it spelled as in apt-packages, and does the "
        "release have it?",
    ),
    _reason(
        r"package '?([^\s']+)'? has no installation candidate",
        "apt has no file of '{}' for this release and platform: apt-packages has to name another one",
    ),
    _reason(
        r"version '([^']+)' for '[^']+' was not found",
        "apt has no version '{}' (any more: Debian's mirrors keep only the newest); leave the version out of "
        "apt-packages, or set apt-snapshot to a day that had it",
    ),
    _reason(
        r"apt-get[\"']?: (?:executable file )?not found",
        "apt-packages needs a base image with apt (Debian, Ubuntu); this one has none",
    ),
    _reason(
        r"ensurepip is not available|no module named '?(?:ensurepip|venv)\b",
        'the Python of the base image lacks `venv`: add apt-packages = ["python3-venv"], or take another base-image',
    ),
    _reason(
        r"externally-managed-environment",
        "pip may not change the Python of the base image (PEP 668); packages belong into `requirements`, and what `run` "
        "installs into the environment: /opt/environment/bin/python -m pip",
    ),
    _reason(
        r"DO NOT MATCH THE HASHES|hash mismatch",
        "a file is not the one that was locked: it was replaced at its index, or the lock is not of this platform; have "
        "the lock compiled again, and look at what has changed",
        is_alone=True,
    ),
    _reason(
        rf"satisfies the requirement {_NAME}[^\n]*\(from versions: none\)",
        "no index that was asked has a file of '{}' for the Python and the platform of the image: is the name spelled right?",
    ),
    _reason(
        rf"satisfies the requirement {_NAME}[^\n]*\(from versions: (?!none\))",
        "ask for one of the versions of '{}' that pip lists, which are those for the Python and the platform of the image; "
        "where a lock pins another one, have it compiled for these",
    ),
    _reason(
        rf"\A(?![\s\S]*\(from versions: )[\s\S]*no matching distribution found for {_NAME}",
        "no file of '{}' fits the Python and the platform of the image: was it locked for another one?",
    ),
    _reason(
        r"([^\s/]+\.whl) is not a supported wheel on this platform",
        "{} is for another Python or platform than the image's",
    ),
    _reason(
        r"(?:unable to find|command)\s*'?(?:gcc|cc|x86_64-linux-gnu-gcc|g\+\+|c\+\+)'?[^\n]*(?:failed|not found|no such file)"
        r"|no such file or directory: '(?:gcc|cc|g\+\+|[^']*-gcc)'",
        'a package is built from source and finds no compiler: add apt-packages = ["build-essential"], or pin a version '
        "that has a wheel",
    ),
    _reason(
        r"(?:env: '?|: |^)pip3?'?: (?:command )?(?:not found|no such file)|\"pip3?\": executable file not found"
        r"|no module named '?pip\b",
        "the virtualenv of the image has no pip: name it among the requirements, or there what it is to install",
    ),
    _reason(
        r"(?:COPY|ADD) failed: (?:file not found in build context|no source files|stat )|cache key[^\n]*: not found",
        "what a Dockerfile copies has to lie in the folder of the setting context, less what the .dockerignore there names; "
        "without context there is the Dockerfile alone",
    ),
    _reason(
        r"no build stage in current context|dockerfile contains no stages|file with no instructions",
        "a Dockerfile begins with a FROM, which says what the image begins with",
    ),
    _reason(
        r"cannot find command 'git'|no such file or directory: 'git'|git[\"']?: (?:executable file )?not found",
        'a requirement comes from a git repository, and the image has no git: add apt-packages = ["git"]',
    ),
    _reason(
        r"exec format error|does not match the specified platform|image operating system .* cannot be used",
        "the base image is of another platform than this machine: set `platform`, or take another base-image",
    ),
    _reason(
        r"exec:? \"?([^\s\"]*python[\d.]*)\"?: (?:stat [^:]*: no such file|executable file not found|no such file)",
        "the image has no '{}': take a base-image with Python",
    ),
    _reason(
        r"/v2/[^\n]*(?:no such host|dial tcp|timeout|connection refused)",
        "the engine does not have the image that the Dockerfile begins with, and reaches no registry: is base-image spelled "
        "as `docker images` lists it?",
    ),
    _reason(
        r"pull access denied|manifest (?:for .* not found|unknown)|repository .* not found|failed to resolve source metadata",
        'the engine does not have the image that the Dockerfile begins with: base-image, or pull = "missing"',
    ),
    _reason(
        r"unable to find user ([^\s:]+)",
        "the image has no user '{}': a number (1000:1000) needs none, or `run` has to make it first",
    ),
    _reason(
        r"returned a non-zero code: 137|exit code: 137|signal: killed",
        "the engine has ended the program, which mostly means that the memory did not suffice",
    ),
)
_NETWORK_NONE = 'the build has no network: it was told network = "none"'
_NO_NETWORK = (
    "the build reaches no network, or does not resolve names: is a proxy needed there (HTTP_PROXY, HTTPS_PROXY), another "
    "`network`, or was the engine started without DNS?"
)
# As pip says it: `beta==1.0 from https://...:`, and below that what was expected. What it comes from is a URL, or a path.
_MISMATCH = re.compile(rf"(?m)^\s*{_NAME}(?:\[[^\]]*\])?(?:==\S+| @ \S+)? .*:\n\s*Expected ")
_NOTHING = re.compile(rf"No matching distribution found for {_NAME}")


def hints(text: str, network: str | None = None) -> tuple[str, ...]:
    """Say what to do about what programs and the engine have said.

    Args:
        text: without colours.
        network: that they were told to use; None for the engine's own choice.
    """
    found: dict[str, None] = {}
    for reason in _REASONS:
        match = reason.pattern.search(text)
        if match is None:
            continue
        subject = match[1] if match.re.groups else ""
        reaches = _NETWORK_NONE if network == "none" else _NO_NETWORK
        found[reason.advice.replace("{network}", reaches).replace("{}", subject)] = None
        if reason.is_alone:
            break
    return tuple(found)


def room(said: str) -> str:
    """Say, after what an engine has said, what to do where it has no room; empty where it has."""
    return f"; {_FULL.advice}" if _FULL.pattern.search(said) else ""


def refused_packages(text: str) -> tuple[str, ...]:
    """Give the canonical names of the packages that pip says it cannot install, as no file fits or a hash does not."""
    return tuple(dict.fromkeys(_named(text)))


def _named(text: str) -> Iterator[str]:
    for match in _MISMATCH.finditer(text):
        yield canonicalize_name(match[1])
    for match in _NOTHING.finditer(text):
        yield canonicalize_name(match[1])
