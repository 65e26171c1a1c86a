"""What will rot: settings that mean one environment today and another one later, told before an engine is asked."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.credentials import redact
from pytest_envrepro.images.apt import is_pinned
from pytest_envrepro.images.bases import default_base
from pytest_envrepro.requirement import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_envrepro.settings import Settings

_SHOWN = 3  # Names in one message.
_COMMIT = re.compile(r"@[0-9a-f]{40}(?:[#?]|$)")
_FETCHING = {
    **dict.fromkeys(("curl", "wget", "aria2c", "rsync", "scp"), ()),
    "git": ("clone", "fetch", "pull", "submodule"),
    **dict.fromkeys(("apt", "apt-get", "apk", "dnf", "yum"), ("install", "add", "update", "upgrade", "dist-upgrade")),
    **dict.fromkeys(("pip", "pip3", "uv", "pipx", "conda", "mamba"), ("install", "download", "sync", "add", "create")),
    **dict.fromkeys(("npm", "pnpm", "yarn", "gem", "cargo", "go"), ("install", "add", "get", "i", "ci", "download")),
}
_IN_SHELL_TEXT = re.compile(r"[^\s;&|()]+")
_VARIABLE = re.compile(r"\$[A-Za-z_{(]|`")
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh"})


class Rot(NamedTuple):
    """A setting that will mean something else.

    Attributes:
        code: which kind, the same at all times.
        setting: the key, also of a part: `run[1]`.
        origin: where its value came from.
        message: what will change, and why.
        fix: what to write.
    """

    code: str
    setting: str
    origin: str
    message: str
    fix: str

    @property
    def told(self) -> str:
        """It in a line, but for the place."""
        return f"{self.setting}: {self.message}: {self.fix}"

    def __str__(self) -> str:
        """Write it in a line."""
        return f"{self.told} ({self.origin})"


class Known(NamedTuple):
    """What is known beside the settings, without an engine; all of it may be missing.

    Attributes:
        running: the version of the Python that runs pytest.
        apt_packages: those that integrations bring.
        unhashed: pins of the lock that have no hash, by name.
        local: requirements and pins that name a folder or a file of this machine.
        images: that one's own Dockerfile needs: the words before one (`FROM `), as it is written, and its reference.
    """

    running: str = "3.12.0"
    apt_packages: Sequence[str] = ()
    unhashed: Sequence[str] = ()
    local: Sequence[str] = ()
    images: Sequence[tuple[str, str, str]] = ()


def rotting(settings: Settings, known: Known) -> tuple[Rot, ...]:
    """Say what will rot in the settings of a container, by setting; nothing for other kinds."""
    if settings.kind != "container":
        return ()
    looking = _Looking(settings, known)
    found = [
        *looking.base(),
        *looking.apt_packages(),
        *looking.packages(),
        *looking.commands(),
        *looking.machine(),
    ]
    return tuple(sorted(found, key=lambda rot: (rot.setting, rot.code, rot.message)))


class _Looking:
    """Looks at one environment."""

    def __init__(self, settings: Settings, known: Known) -> None:
        self._settings = settings
        self._known = known

    def _rot(self, code: str, setting: str, message: str, fix: str) -> Rot:
        origins = self._settings.origins
        key = setting.partition("[")[0]
        return Rot(code, setting, origins.get(setting, origins[key]), message, fix)

    def base(self) -> Iterator[Rot]:
        """Look at what it begins with."""
        settings, known = self._settings, self._known
        if settings.pull == "always":
            fix = 'write pull = "missing", and a digest in base-image'
            yield self._rot("always-pulled", "pull", "another base comes without a change of the settings", fix)
        if settings.own_dockerfile is not None:
            for how, written, image in known.images:
                if _floats(image):
                    name = "NAME" if "$" in written else _without_tag(image)
                    pinned = f"write its digest into {settings.own_dockerfile}: {how}{name}@sha256:..."
                    said = f"{how}{written} is moved by its publisher"
                    yield self._rot("floating-base", "dockerfile", said, pinned)
            return
        image = settings.base_image or default_base(settings.python, known.running)
        if settings.base_image is None and settings.python is None:
            fix = f'write python = "{".".join(known.running.split(".")[:2])}"'
            yield self._rot("python-of-pytest", "python", "is that of whoever runs pytest", fix)
        if image.startswith("sha256:"):
            fix = "write the name and digest of an image that a registry has"
            yield self._rot("local-base", "base-image", "is an id, which other machines do not know", fix)
        elif _floats(image):
            latest = "" if ":" in image.rpartition("/")[2] else " (it is ':latest', the next Python too)"
            said = f"'{image}' is moved by its publisher{latest}"
            yield self._rot(
                "floating-base", "base-image", said, f'write base-image = "{_without_tag(image)}@sha256:..."'
            )

    def apt_packages(self) -> Iterator[Rot]:
        """Look at Debian packages."""
        settings = self._settings
        packages = sorted({*settings.apt_packages, *self._known.apt_packages})
        if not packages or settings.apt_snapshot is not None:
            return
        fix = 'write apt-snapshot, such as "20260415T000000Z"'
        loose = [each for each in packages if not is_pinned(each)]
        pinned = [each for each in packages if is_pinned(each)]
        if loose:
            yield self._rot("unpinned-apt", "apt-packages", f"the mirror of the day decides on {_some(loose)}", fix)
        if pinned:
            yield self._rot(
                "vanishing-apt", "apt-packages", f"mirrors keep no version that was replaced: {_some(pinned)}", fix
            )

    def packages(self) -> Iterator[Rot]:
        """Look at Python's packages."""
        settings, known = self._settings, self._known
        fix = "compile them to a lock with hashes, and name it: lock = ..."
        for key in ("requirements", "groups", "extras", "required-integrations"):
            value = getattr(settings, key.replace("-", "_"))
            if not value or settings.lock is not None:
                continue
            if key == "requirements" and not isinstance(value, str):
                loose = [redact(each) for each in value if not _is_exact(each)]
                if loose:
                    yield self._rot("unpinned", key, f"chosen on the day: {_some(loose)}", fix)
                exact = [redact(each) for each in value if _is_exact(each)]
                if exact:
                    yield self._rot(
                        "no-hashes",
                        key,
                        f"without hashes, and what they need is chosen on the day: {_some(exact)}",
                        fix,
                    )
            else:
                shown = f"'{value}'" if isinstance(value, str) else _some(list(value))
                yield self._rot("unpinned", key, f"chosen on the day: what {shown} asks for", fix)
        moving = [
            redact(each) for each in _listed(settings.requirements) if "git+" in each and not _COMMIT.search(each)
        ]
        if moving:
            yield self._rot(
                "moving-commit", "requirements", f"without a commit: {_some(moving)}", "write the whole commit"
            )
        if known.unhashed:
            said = f"without hashes, so that other files may come: {_some(known.unhashed)}"
            yield self._rot("no-hashes", "lock", said, "compile it with hashes (--generate-hashes)")
        if settings.replicate_local:
            said = (
                "is what is installed on this machine"
                if settings.replicate_local is True
                else "is what a command prints"
            )
            yield self._rot("replicated", "replicate-local", said, "write it down once, and name that: lock = ...")

    def commands(self) -> Iterator[Rot]:
        """Look at further commands."""
        for index, command in enumerate(self._settings.run):
            words = [*command]
            shell = command[0].rpartition("/")[2] in _SHELLS
            if shell:
                words = [word for each in command[1:] for word in _IN_SHELL_TEXT.findall(each)]
            elif any(_VARIABLE.search(word) for word in words):
                fix = 'name the shell, if it is meant: ["sh", "-c", "..."]'
                said = f"`{redact(shlex.join(command))}` has a '$' or a '`' that no shell expands"
                yield self._rot("not-expanded", f"run[{index}]", said, fix)
            program = _fetching(words, anywhere=shell)
            if program is not None:
                fix = "have it in files, apt-packages or requirements, or check what it fetches by a hash"
                yield self._rot("fetching", f"run[{index}]", f"{program} fetches what there is on the day", fix)

    def machine(self) -> Iterator[Rot]:
        """Look at what other machines do not have."""
        settings = self._settings
        local = [each for each in _listed(settings.requirements) if "file:" in each]
        local += [each for each in self._known.local if each not in local]
        if local:
            said = f"on this machine alone: {_some(redact(each) for each in local)}"
            yield self._rot("local-path", "requirements", said, "publish it, or write project = true for this project")
        if settings.ca_bundle.startswith("/"):
            fix = 'write ca-bundle = "host", or a path below the root'
            yield self._rot("local-path", "ca-bundle", f"on this machine alone: '{settings.ca_bundle}'", fix)


def _floats(image: str) -> bool:
    return "@" not in image and not image.startswith("sha256:")


def _without_tag(image: str) -> str:
    head, slash, last = image.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def _is_exact(requirement: str) -> bool:
    parsed = parse(requirement)
    if parsed.url is not None:
        return "#sha256=" in parsed.url or _COMMIT.search(parsed.url) is not None
    specifiers = [*parsed.specifier]
    return any(each.operator in {"==", "==="} and "*" not in each.version for each in specifiers)


def _listed(value: tuple[str, ...] | str) -> tuple[str, ...]:
    return () if isinstance(value, str) else value


def _fetching(words: Sequence[str], *, anywhere: bool) -> str | None:
    """Give the program that fetches, as it is called; None where none does.

    Args:
        anywhere: whether a program can stand anywhere among them, as in a shell's text.
    """
    names = [word.rpartition("/")[2] for word in words]
    for index, name in enumerate(names):
        following = names[index + 1 :]
        verbs = _FETCHING.get(name)
        if verbs == () and (anywhere or index == 0):
            return name
        verb = next((word for word in following if not word.startswith("-")), None)
        if verbs and (verb in verbs or (name == "uv" and verb == "pip" and {"install", "sync"} & {*following})):
            return f"{name} {verb}"
    return None


def _some(names: Iterable[str]) -> str:
    each = [*names]
    more = f" and {len(each) - _SHOWN} more" if len(each) > _SHOWN else ""
    return f"{', '.join(each[:_SHOWN])}{more}"
