"""The environment variables of programs that we start: chosen, never merely inherited."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# What a program needs to run at all, on POSIX and on Windows, and to find the network as the user does.
_KEPT = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP"),
        *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA"),
        *("PROGRAMDATA", "PROGRAMFILES", "PROCESSOR_ARCHITECTURE", "NUMBER_OF_PROCESSORS"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC"),
        *("SSH_AUTH_SOCK", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"),
    }
)
_KEPT_BEGINNINGS = ("LC_", "XDG_", "PIP_", "UV_", "KEYRING_")
# Options of pip that say where something is installed or written, with which Python, or what besides: no tool of ours is
# told them by variables, and none that makes an environment by settings files.
_PIP_REFUSED = (
    *("target", "prefix", "root", "user", "python", "require-virtualenv", "src"),
    *("python-version", "platform", "abi", "implementation"),
    *("dry-run", "report", "log", "requirement", "editable", "upgrade"),
)
# Those that would change what an environment is made of, behind the back of its settings.
_PIP_DECIDED = (
    *("no-deps", "require-hashes", "ignore-installed", "force-reinstall", "group"),
    *("compile", "no-compile", "quiet", "verbose", "ignore-requires-python"),
)
PIP_MISLEADING = (*_PIP_REFUSED, *_PIP_DECIDED)


def _variables_of(options: Iterable[str]) -> set[str]:
    return {f"PIP_{option.upper().replace('-', '_')}" for option in options}


# The same of uv, with them.
_REFUSED = frozenset(
    {
        *_variables_of(_PIP_REFUSED),
        *("UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_BREAK_SYSTEM_PACKAGES", "UV_PROJECT_ENVIRONMENT", "UV_PROJECT"),
        *("UV_WORKING_DIR", "UV_WORKING_DIRECTORY", "UV_FROZEN", "UV_LOCKED", "UV_ENV_FILE", "UV_NO_SYNC"),
    }
)
_DECIDED = frozenset(
    {
        *_variables_of(_PIP_DECIDED),
        *("UV_REQUIRE_HASHES", "UV_NO_VERIFY_HASHES", "UV_COMPILE_BYTECODE", "UV_LINK_MODE", "UV_PYTHON_PREFERENCE"),
        *("UV_MANAGED_PYTHON", "UV_NO_MANAGED_PYTHON", "UV_NO_EDITABLE", "UV_TARGET", "UV_PREFIX"),
    }
)
# Versions are chosen within them, and what is chosen is not chosen again.
_BOUNDS = frozenset({"PIP_CONSTRAINT", "UV_CONSTRAINT", "UV_OVERRIDE", "UV_EXCLUDE"})
# Of tools that lock projects, the user's settings for how indexes are reached, and for what is kept of them. All else
# that they could be told sends their results elsewhere, installs, or takes another Python.
_OF_TOOLS = {
    "poetry": re.compile(
        r"POETRY_(?:(?:HTTP_BASIC|CERTIFICATES|REQUESTS|SOLVER|KEYRING|INSTALLER)_\w+|CACHE_DIR|CONFIG_DIR|SYSTEM_GIT_CLIENT)"
    ),
    "pdm": re.compile(
        r"PDM_(?:PYPI_\w+|RESOLVE_\w+|CACHE_DIR|CONFIG_FILE|REQUEST_TIMEOUT|IGNORE_STORED_INDEX|USE_UV|BUILD_ISOLATION)"
    ),
    "pipenv": re.compile(
        r"PIPENV_(?:PYPI_MIRROR|CACHE_DIR|TIMEOUT|REQUESTS_TIMEOUT|MAX_RETRIES|KEYRING_PROVIDER|RESOLVE_VCS|RESOLVER)"
    ),
    "conda": re.compile(
        r"CONDARC|MAMBARC|CONDA_(?:CHANNEL\w*|DEFAULT_CHANNELS|SSL_VERIFY|REMOTE_\w+|PROXY_\w+|PKGS_DIRS|OFFLINE|OVERRIDE_\w+"
        r"|EXE|LOCK_\w+)|MAMBA_(?:EXE|ROOT_PREFIX)"
    ),
}
_REFUSED_BEGINNINGS = ("UV_PUBLISH_",)  # Credentials for another purpose.
# What would change the tool itself, whatever file names it.
_NEVER = re.compile(r"PYTHON|LD_|DYLD_|VIRTUAL_ENV|VIRTUALENV_|WORKON_HOME$|BASH_ENV$|ENV$")
# What tools take for settings, also where a file names it for something else: of these, their lists decide.
_SETTINGS = re.compile(r"(?:PIP|UV|POETRY|PDM|PIPENV|CONDA|MAMBA)_|CONDARC$|MAMBARC$")
# Settings whose words are paths, and are relative to where the user is: the tool is elsewhere.
_PATHS = re.compile(
    r"PIP_(?:CONFIG_FILE|CONSTRAINT|BUILD_CONSTRAINT|FIND_LINKS|CERT|CLIENT_CERT|CACHE_DIR|TOOLS_CACHE_DIR)"
    r"|UV_(?:CONFIG_FILE|CONSTRAINT|OVERRIDE|EXCLUDE|BUILD_CONSTRAINT|FIND_LINKS|CACHE_DIR)"
    r"|PDM_(?:CONFIG_FILE|CACHE_DIR)|POETRY_(?:CACHE_DIR|CONFIG_DIR|CERTIFICATES_\w+)|PIPENV_CACHE_DIR|CONDARC|MAMBARC"
    r"|CONDA_PKGS_DIRS|MAMBA_ROOT_PREFIX"
    r"|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NETRC|GIT_SSL_CAINFO|GIT_SSL_CAPATH"
)
# Those that hold several, with what stands between them; a single one may hold a space.
_SEPARATORS = {
    **dict.fromkeys(("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT", "PIP_FIND_LINKS"), " "),
    **dict.fromkeys(("UV_CONSTRAINT", "UV_OVERRIDE", "UV_EXCLUDE", "UV_BUILD_CONSTRAINT"), " "),
    **dict.fromkeys(("UV_FIND_LINKS", "CONDA_PKGS_DIRS"), ","),
}
# Those that are the name of a program on PATH, or the path of one.
_PROGRAMS = frozenset({"CONDA_EXE", "MAMBA_EXE"})
# Settings that change how something is fetched or shown, and not what: nobody needs to be told of them.
_HOW = re.compile(
    r"PIP_(?:CONFIG_FILE|CERT|CLIENT_CERT|DEFAULT_TIMEOUT|TIMEOUT|RETRIES|PROXY|DISABLE_PIP_VERSION_CHECK|NO_INPUT|CACHE_DIR"
    r"|NO_CACHE_DIR|PROGRESS_BAR|NO_COLOR|QUIET|VERBOSE|KEYRING_PROVIDER|ROOT_USER_ACTION|TOOLS_CACHE_DIR"
    r"|BREAK_SYSTEM_PACKAGES|NO_WARN_SCRIPT_LOCATION|NO_PYTHON_VERSION_WARNING)"
    r"|UV_(?:CONFIG_FILE|CACHE_DIR|NO_CACHE|NATIVE_TLS|SYSTEM_CERTS|HTTP_TIMEOUT|HTTP_RETRIES|HTTP_CONNECT_TIMEOUT|REQUEST_TIMEOUT"
    r"|CONCURRENT_\w+|NO_PROGRESS|LINK_MODE|KEYRING_PROVIDER|INDEX_\w+_(?:USERNAME|PASSWORD)|PYTHON_\w+|TOOL_\w+"
    r"|INSTALL_DIR|COMPILE_BYTECODE|CUSTOM_COMPILE_COMMAND|PREVIEW|COLOR)"
    r"|POETRY_(?:(?:HTTP_BASIC|CERTIFICATES|REQUESTS|KEYRING)_\w+|CACHE_DIR|CONFIG_DIR|SYSTEM_GIT_CLIENT)"
    r"|PDM_(?:PYPI_(?:USERNAME|PASSWORD|VERIFY_SSL)|CACHE_DIR|CONFIG_FILE|REQUEST_TIMEOUT)"
    r"|PIPENV_(?:CACHE_DIR|TIMEOUT|REQUESTS_TIMEOUT|MAX_RETRIES|KEYRING_PROVIDER)"
    r"|CONDA_(?:SSL_VERIFY|REMOTE_\w+|PROXY_\w+|PKGS_DIRS|EXE)"
)

_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})  # As uv reads variables that are set or not.

# What a program needs to run at all, and to speak the user's language. The rest of what tests are given is made.
_KEPT_FOR_TESTS = frozenset(
    {
        *("LANG", "LANGUAGE", "TZ", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT"),
        *("PROGRAMDATA", "PROGRAMFILES", "PROCESSOR_ARCHITECTURE", "NUMBER_OF_PROCESSORS"),
    }
)
# No settings of this machine's, no questions, no network but where it is asked for.
_SET_FOR_TESTS = {
    "PYTHONNOUSERSITE": "1",
    "PYTHONSAFEPATH": "1",  # From 3.11 on: the folder of a script, and the current one, are not searched for modules.
    "PYTHONUTF8": "1",
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "UV_NO_CONFIG": "1",
    "UV_OFFLINE": "1",
    "GIT_CONFIG_NOSYSTEM": "1",
}
_TEMPORARY = ("TMPDIR", "TEMP", "TMP")
# The user's own folders, by the variables that name them; each is a folder below one of a test's own.
_FOLDERS_FOR_TESTS = {
    **dict.fromkeys(("HOME", "USERPROFILE"), "home"),
    **dict.fromkeys(_TEMPORARY, "tmp"),
    **dict.fromkeys(("XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "APPDATA"), "home/.config"),
    "XDG_CACHE_HOME": "home/.cache",
    "XDG_DATA_HOME": "home/.local/share",
    "XDG_STATE_HOME": "home/.local/state",
    "LOCALAPPDATA": "home/.local",
}
WORK = "work"  # Where a test's programs run: another folder below the same one.


def _tree(places: Iterable[str]) -> dict[str, frozenset[str]]:
    """Give what lies in each of some folders, by their paths, and in those above them."""
    inside: dict[str, set[str]] = {"": set()}
    for place in places:
        above = ""
        for name in place.split("/"):
            inside[above].add(name)
            above = f"{above}/{name}" if above else name
            inside.setdefault(above, set())
    return {folder: frozenset(names) for folder, names in inside.items()}


_TREE_FOR_TESTS = _tree([*_FOLDERS_FOR_TESTS.values(), WORK])


def for_tests(environ: Mapping[str, str], *, scripts: Path, scratch: Path, is_shared: bool) -> dict[str, str]:
    """Give the variables for a program that a test runs in an environment: none of the developer's own settings.

    `HOME`, `TMPDIR` and their like are folders below `scratch`, and are there afterwards.

    Args:
        scripts: the folder of the environment's programs: with those of the system, it is all of `PATH`.
        is_shared: whether other tests use the environment too: then no bytecode is written into it.
    """
    kept = {name: environ[name] for name in environ if name.upper() in _KEPT_FOR_TESTS or name.startswith("LC_")}
    places = {place: os.path.join(scratch, *place.split("/")) for place in dict.fromkeys(_FOLDERS_FOR_TESTS.values())}
    for folder in places.values():
        if not os.path.isdir(folder):
            os.makedirs(folder, exist_ok=True)
    folders = {name: places[place] for name, place in _FOLDERS_FOR_TESTS.items()}
    writes = {"PYTHONDONTWRITEBYTECODE": "1"} if is_shared else {}
    path = os.pathsep.join([str(scripts), _system_path(environ)])
    return {**kept, **_SET_FOR_TESTS, **folders, **writes, "PATH": path}


def is_untouched(scratch: Path) -> bool:
    """Tell whether nothing lies below a folder for what programs write but the folders that are made there for them."""
    try:
        return all(
            names.issuperset(os.listdir(os.path.join(scratch, folder))) for folder, names in _TREE_FOR_TESTS.items()
        )
    except OSError:  # One of them is gone, or is none any more.
        return False


def _system_path(environ: Mapping[str, str]) -> str:
    """Give where the system has its programs; what Python knows of it on Windows begins with the current folder."""
    root = environ.get("SYSTEMROOT")
    return os.defpath if os.name != "nt" or not root else os.pathsep.join([os.path.join(root, "System32"), root])


def for_tools(
    environ: Mapping[str, str], folder: Path | None = None, *, besides: Iterable[str] = (), of: Iterable[str] = ()
) -> dict[str, str]:
    """Give the variables for a program that resolves, compiles or installs.

    It sees the user's settings of pip and uv (indexes, folders of wheels, credentials, certificates, proxies), but none
    that would send its results elsewhere or put another Python in the place of the one that is meant. The programs
    beside this Python come first on `PATH`: an environment need not be activated.

    Args:
        folder: what relative paths in them are relative to; None where the program runs there, or there are none.
        besides: the names of further variables to pass, which files name as `${NAME}`; but for a tool's own settings,
            which it would follow, whatever they are named for.
        of: the tools that lock projects (`poetry`) whose settings it sees too.
    """
    named = set(filter(_may_be_named, besides))
    chosen = {
        name: value
        for name, value in (environ if folder is None else with_absolute_paths(environ, folder)).items()
        if name.upper() in _KEPT
        or name in named
        or (name.startswith(_KEPT_BEGINNINGS) and not _is_refused(name))
        or any(_OF_TOOLS[tool].fullmatch(name) for tool in of if tool in _OF_TOOLS)
    }
    here = os.path.dirname(sys.executable)
    return {**chosen, "PATH": os.pathsep.join(filter(None, (here, chosen.get("PATH"))))}


def for_environments(environ: Mapping[str, str], *, resolving: bool) -> dict[str, str]:
    """Give the same for a program that makes an environment: what is made is settled by its settings alone.

    Args:
        environ: relative paths in it are relative to the current folder; a session's are absolute.
        resolving: whether versions are still to be chosen, so that the user's constraints count.
    """
    decided = _DECIDED if resolving else _DECIDED | _BOUNDS
    chosen = for_tools(environ, Path.cwd())
    return {name: value for name, value in chosen.items() if name not in decided}


def with_absolute_paths(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Give variables, those that tell pip, uv and the like of files and folders absolute.

    Args:
        folder: what relative paths in them are relative to.
    """
    return {
        name: _absolute(value, folder, _SEPARATORS.get(name)) if _is_path(name, value) else value
        for name, value in environ.items()
    }


def _is_path(name: str, value: str) -> bool:
    return _PATHS.fullmatch(name) is not None or (name in _PROGRAMS and os.path.dirname(value) != "")


def with_temporary(environ: Mapping[str, str], workspace: Path) -> dict[str, str]:
    """Give variables with which a tool has its temporary files in a folder of ours: where it is killed, they go with that.

    pip removes its own only where it comes to its end, and uv leaves locks there.
    """
    folder = workspace / "tmp"
    folder.mkdir(exist_ok=True)
    return {**environ, **dict.fromkeys(_TEMPORARY, str(folder))}


def _may_be_named(name: str) -> bool:
    """Tell whether a variable is passed for being named in a file."""
    if _SETTINGS.match(name):  # What pip and uv may be told, they are told anyway.
        return any(pattern.fullmatch(name) for pattern in _OF_TOOLS.values())
    return _NEVER.match(name) is None


def _is_refused(name: str) -> bool:
    return name in _REFUSED or name.startswith(_REFUSED_BEGINNINGS)


def _absolute(value: str, folder: Path, separator: str | None) -> str:
    """Make the paths in a value absolute; URLs among them stay."""
    words = value.split(separator) if separator else [value]
    absolute = (word if "://" in word or not word else os.path.normpath(folder / word) for word in words)
    return (separator or "").join(absolute)


def has_no_uv_files(environ: Mapping[str, str]) -> bool:
    """Tell whether uv looks for no files of settings: a file that is named to it, it reads all the same (uv 0.13)."""
    return environ.get("UV_NO_CONFIG", "").lower() in _TRUE and not environ.get("UV_CONFIG_FILE")


def settings_of(environ: Mapping[str, str], tool: str) -> dict[str, str]:
    """Give the variables that change what a tool (`pip`, `poetry`) finds, with their values: they may hold credentials."""
    beginning = f"{tool.upper()}_"
    return {
        name: environ[name]
        for name in sorted(environ)
        if name.startswith(beginning) and not _is_refused(name) and not _HOW.fullmatch(name)
    }
