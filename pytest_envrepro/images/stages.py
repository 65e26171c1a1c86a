"""Settings and facts to a Dockerfile: its stages, each line with the setting that it comes from, in the order that caches best."""

from __future__ import annotations

import shlex
from types import MappingProxyType
from typing import TYPE_CHECKING

from pytest_envrepro.credentials import redact
from pytest_envrepro.enginevalues import OWN
from pytest_envrepro.images.apt import apt_command
from pytest_envrepro.images.base import BUILDING, BUNDLE, ENVIRONMENT, FILES, INSTALLING, PATH, WHEELS, Line, Recipe
from pytest_envrepro.images.quoting import broken, checked, fits_a_line, quoted, words
from pytest_envrepro.settingtext import shown_variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_envrepro.images.base import Facts
    from pytest_envrepro.settings import Settings

SYSTEM, PACKAGES, PROJECT = "system", "packages", "project"
_ROOTS = ("", "0", "root", "0:0", "root:root")
_CERTIFICATES = f"{BUILDING}/{BUNDLE}"
# All that the programs of a build go by: OpenSSL and Python, requests, pip, curl, git.
_OF_CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO")
# The same text on every machine, in UTC, and no file is written beside a source when it is imported.
_HYGIENE = MappingProxyType({"LANG": "C.UTF-8", "TZ": "UTC", "PYTHONDONTWRITEBYTECODE": "1"})
_QUIET = MappingProxyType({"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"})
# What Docker gives every build without an `ARG`.
_PREDEFINED = frozenset({"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"})
_NEXT = " \\\n    "  # Between variables: the parser joins the lines.
# A folder that the image has not is made, and is the user's who works there; one that it has stays as it is.
_OWN_FOLDER = '[ -d "$2" ] || { mkdir -p -- "$2" && chown -- "$1" "$2"; }'


def system(settings: Settings, facts: Facts) -> Recipe | None:
    """Give the stage that has a base and Debian packages; None where there are none, and the base is all of it."""
    if not facts.apt_packages:
        return None
    return Recipe(tuple(_Writer(settings, facts).system()))


def image(settings: Settings, facts: Facts, *, onto: str) -> Recipe:
    """Give all that comes over the stage `system`.

    Args:
        onto: what its `FROM` says: the tag of that stage; where it has none, the base.

    Raises:
        SettingsError: a Dockerfile cannot hold a setting.
    """
    writer = _Writer(settings, facts)
    first = _line(f"FROM {onto} AS {SYSTEM}", writer.base, counts=False)
    return Recipe((first, *writer.rest()), writer.at_run_time())


def whole(settings: Settings, facts: Facts) -> Recipe:
    """Give one Dockerfile with all stages."""
    first = system(settings, facts)
    rest = image(settings, facts, onto=facts.base)
    return rest if first is None else Recipe((*first.lines, *rest.lines[1:]), rest.at_run_time)


class _Writer:
    """Writes the lines of one image."""

    def __init__(self, settings: Settings, facts: Facts) -> None:
        self._settings = settings
        self._facts = facts
        self._needs_root = facts.user not in _ROOTS
        self.base = "dockerfile" if settings.own_dockerfile else "base-image"
        self._workdir = facts.workdir or settings.workdir

    def system(self) -> Iterator[Line]:
        """Write the stage with Debian packages."""
        yield _line(f"FROM {self._facts.base} AS {SYSTEM}", self.base, counts=False)
        if self._needs_root:
            yield _line("USER 0", "")
        yield from self._certificates()
        packages = apt_command(self._facts.apt_packages, self._settings.apt_snapshot)
        brief = apt_command(self._facts.apt_packages, self._settings.apt_snapshot, script="...")
        title = f"apt-get install {' '.join(self._facts.apt_packages)}"
        yield from self._run(packages, "apt-packages", title=title, online=True, brief=brief)
        yield from self._certificates_gone()

    def rest(self) -> Iterator[Line]:
        """Write the stages that install, and the image itself."""
        if self._facts.python is not None:
            yield from self._packages(self._facts.python)
            # The engine keeps what stages leave, with all packages: by this it is found when the image goes.
            if self._facts.key is not None:
                yield _line(f"LABEL {_pairs({f'{OWN}key': self._facts.key})}", "", counts=False)
            yield from self._project()
            yield _line(f"FROM {SYSTEM}", "")
            if self._needs_root:
                yield _line("USER 0", "")
            has_project = self._facts.project is not None and self._facts.installation is not None
            last = PROJECT if has_project else PACKAGES
            yield _line(
                f"COPY --from={last} {words([ENVIRONMENT, ENVIRONMENT])}", "", title="put the packages into the image"
            )
            path = {"PATH": f"{ENVIRONMENT}/bin:{self._facts.path or PATH}"}
        elif self._needs_root:
            path = {}
            yield _line("USER 0", "")
        else:
            path = {}
        yield _line(f"ENV {_pairs({**path, **_HYGIENE})}", "")
        yield from self._own()

    def at_run_time(self) -> Mapping[str, str]:
        """Give the variables that no Dockerfile can hold."""
        own = self._settings.environment
        return MappingProxyType({name: value for name, value in own.items() if not fits_a_line(name, value)})

    def _packages(self, python: str) -> Iterator[Line]:
        """Write the stage of which the virtualenv alone goes on; what it needs of certificates comes with `installing`."""
        yield _line(f"FROM {SYSTEM} AS {PACKAGES}", "")
        if self._needs_root:
            yield _line("USER 0", "")
        yield from self._run(
            (python, "-m", "venv", "--without-pip", ENVIRONMENT), "python", title="make the virtualenv"
        )
        installation = self._facts.installation
        if installation is None:
            return
        yield _line(f"COPY {words([f'{INSTALLING}/', f'{BUILDING}/'])}", "", counts=False)
        # How they are installed has many words, some of them of one machine; what counts is what is installed by what.
        yield _line(f"ENV {_pairs({**_HYGIENE, **_QUIET, **installation.variables})}", "", counts=False)
        for name in installation.arguments:
            if name.lower() not in _PREDEFINED:
                yield _line(f"ARG {name}", "", counts=False)
        installer = "pip" if self._settings.installer == "auto" else self._settings.installer
        key = words([installer, *self._settings.installer_args])
        for command in installation.commands:
            yield from self._run(command, "installer", key=key, title="install the packages")

    def _project(self) -> Iterator[Line]:
        wheel, installation = self._facts.project, self._facts.installation
        if wheel is None or installation is None:
            return
        yield _line(f"FROM {PACKAGES} AS {PROJECT}", "")
        place = f"{BUILDING}/{wheel}"
        yield _line(f"COPY {words([f'{WHEELS}/{wheel}', place])}", "project")
        options = ("install", "--no-deps", "--no-index", "--no-compile", "--no-cache-dir", place)
        yield from self._run((*installation.pip, *options), "project", key=wheel, title="install this project")

    def _own(self) -> Iterator[Line]:
        """Write what comes last: files, commands, variables, the user."""
        settings, facts = self._settings, self._facts
        if settings.files:
            yield _line(f"ADD {words([FILES, '/'])}", "files")
        if settings.user is not None:
            own = ("/bin/sh", "-c", _OWN_FOLDER, "workdir", settings.user, self._workdir)
            yield from self._run(own, "user", title="make the working folder")
        yield _line(f"WORKDIR {quoted(self._workdir)}", "workdir")
        if settings.run:
            yield from self._certificates()
        for index, command in enumerate(settings.run):
            yield from self._run(command, f"run[{index}]", title=redact(shlex.join(command)), online=True)
        if settings.run:
            yield from self._certificates_gone()
        yield from self._environment()
        if settings.user is not None or self._needs_root:
            yield _line(f"USER {settings.user or facts.user}", "user" if settings.user else "")
        labels = {"managed": "1", "key": facts.key, "created-by": facts.created_by}
        known = {f"{OWN}{name}": value for name, value in labels.items() if value is not None}
        yield _line(f"LABEL {_pairs(known)}", "", counts=False)

    def _environment(self) -> Iterator[Line]:
        """Write the variables of programs: one instruction, since each takes its time, and a line for each."""
        own = {name: value for name, value in self._settings.environment.items() if fits_a_line(name, value)}
        if own:
            shown = {
                name: shown_variable(name, value, self._origin("environment", name)) for name, value in own.items()
            }
            text, hidden = (f"ENV {_pairs(each, between=_NEXT)}" for each in (own, shown))
            yield _line(text, "environment", shown=hidden)

    def _certificates(self) -> Iterator[Line]:
        """Write what programs need that build behind a proxy which ends TLS."""
        if self._facts.bundle:
            yield _line(f"COPY {words([BUNDLE, _CERTIFICATES])}", "ca-bundle", counts=False)

    def _certificates_gone(self) -> Iterator[Line]:
        if self._facts.bundle:
            yield _line(f"RUN {words(['rm', '-rf', '--', BUILDING])}", "ca-bundle", counts=False)

    def _run(
        self,
        command: Sequence[str],
        setting: str,
        *,
        title: str,
        key: str | None = None,
        online: bool = False,
        brief: Sequence[str] | None = None,
    ) -> Iterator[Line]:
        """Write a command, with the variables of all that builds, which no variable of the base overrides.

        Args:
            key: what counts of it, beside those variables; None for all of it.
            online: whether it may need certificates.
            brief: the command as people are shown it where it fails; None for all of it.
        """
        building = self._settings.build_environment
        shown = {
            name: shown_variable(name, value, self._origin("build-environment", name))
            for name, value in building.items()
        }
        trusting = dict.fromkeys(_OF_CERTIFICATES, _CERTIFICATES) if online and self._facts.bundle else {}
        counting = [*_with(building), *(command if key is None else [key])]
        text = f"RUN {broken(words([*_with({**trusting, **building}), *command]))}"
        hidden = f"RUN {broken(words([*_with({**trusting, **shown}), *map(redact, command)]))}"
        told = f"RUN {broken(words([*_with(shown), *map(redact, brief or command)]))}"
        yield Line(checked(text, setting), setting, hidden, words(counting), title, "" if told == text else told)

    def _origin(self, key: str, name: str) -> str:
        origins = self._settings.origins
        return origins.get(f"{key}.{name}", origins[key])


def commented(recipe: Recipe, origins: Mapping[str, str]) -> str:
    """Give a Dockerfile for people: without secrets, and over each line the setting that it comes from, and its place.

    Args:
        origins: as those of settings.
    """
    found = ["# As pytest-envrepro generates it"]
    told = ""
    for line in recipe.lines:
        key = line.setting.partition(".")[0].partition("[")[0]
        origin = origins.get(line.setting, origins.get(key, "default"))
        if line.setting not in {"", told} and origin != "default":
            found.append(f"# {line.setting}: {_in_a_line(origin)}")
        found.append(line.shown)
        told = line.setting
    if recipe.at_run_time:
        names = ", ".join(recipe.at_run_time)
        found.append(f"# Given to each container as it starts, since no line can hold them: {_in_a_line(names)}")
    return "".join(f"{line}\n" for line in found)


def _in_a_line(text: str) -> str:
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def _with(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Give the words that set variables for one command, whatever is in their values."""
    return ("/usr/bin/env", *(f"{name}={value}" for name, value in sorted(variables.items()))) if variables else ()


def _pairs(values: Mapping[str, str], *, between: str = " ") -> str:
    return between.join(f"{name}={quoted(value)}" for name, value in values.items())


def _line(text: str, setting: str, *, shown: str | None = None, counts: bool = True, title: str = "") -> Line:
    """Make a line.

    Args:
        counts: whether it counts for the key.
        title: what it does, for people, where that may take long.
    """
    return Line(checked(text, setting), setting, text if shown is None else shown, text if counts else None, title)
