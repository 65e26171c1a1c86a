"""The environment variables of programs that we start: chosen, never merely inherited."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

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
# Settings of pip and uv that say where something is installed or written, with which Python, or what besides.
_REFUSED = frozenset(
    {
        *("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_PYTHON", "PIP_REQUIRE_VIRTUALENV", "PIP_SRC"),
        *("PIP_PYTHON_VERSION", "PIP_PLATFORM", "PIP_ABI", "PIP_IMPLEMENTATION"),
        *("PIP_DRY_RUN", "PIP_REPORT", "PIP_LOG", "PIP_REQUIREMENT", "PIP_EDITABLE", "PIP_UPGRADE"),
        *("UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_BREAK_SYSTEM_PACKAGES", "UV_PROJECT_ENVIRONMENT", "UV_PROJECT"),
        *("UV_WORKING_DIR", "UV_WORKING_DIRECTORY", "UV_FROZEN", "UV_LOCKED", "UV_ENV_FILE", "UV_NO_SYNC"),
    }
)
_REFUSED_BEGINNINGS = ("UV_PUBLISH_",)  # Credentials for another purpose.
# What would change the tool itself, whatever file names it.
_NEVER = re.compile(r"PYTHON|LD_|DYLD_|VIRTUAL_ENV|BASH_ENV$|ENV$")
# Settings whose words are paths, and are relative to where the user is: the tool is elsewhere.
_PATHS = re.compile(
    r"PIP_(?:CONFIG_FILE|CONSTRAINT|BUILD_CONSTRAINT|FIND_LINKS|CERT|CLIENT_CERT|CACHE_DIR|TOOLS_CACHE_DIR)"
    r"|UV_(?:CONFIG_FILE|CONSTRAINT|OVERRIDE|EXCLUDE|BUILD_CONSTRAINT|FIND_LINKS|CACHE_DIR)"
    r"|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NETRC|GIT_SSL_CAINFO|GIT_SSL_CAPATH"
)
# Settings that change how something is fetched or shown, and not what: nobody needs to be told of them.
_HOW = re.compile(
    r"PIP_(?:CONFIG_FILE|CERT|CLIENT_CERT|DEFAULT_TIMEOUT|TIMEOUT|RETRIES|PROXY|DISABLE_PIP_VERSION_CHECK|NO_INPUT|CACHE_DIR"
    r"|NO_CACHE_DIR|PROGRESS_BAR|NO_COLOR|QUIET|VERBOSE|KEYRING_PROVIDER|ROOT_USER_ACTION|TOOLS_CACHE_DIR"
    r"|BREAK_SYSTEM_PACKAGES|NO_WARN_SCRIPT_LOCATION|NO_PYTHON_VERSION_WARNING)"
    r"|UV_(?:CONFIG_FILE|CACHE_DIR|NO_CACHE|NATIVE_TLS|SYSTEM_CERTS|HTTP_TIMEOUT|HTTP_RETRIES|HTTP_CONNECT_TIMEOUT|REQUEST_TIMEOUT"
    r"|CONCURRENT_\w+|NO_PROGRESS|LINK_MODE|KEYRING_PROVIDER|INDEX_\w+_(?:USERNAME|PASSWORD)|PYTHON_\w+|TOOL_\w+"
    r"|INSTALL_DIR|COMPILE_BYTECODE|CUSTOM_COMPILE_COMMAND|PREVIEW|COLOR)"
)


def for_tools(environ: Mapping[str, str], folder: Path | None = None, *, besides: Iterable[str] = ()) -> dict[str, str]:
    """Give the variables for a program that resolves, compiles or installs.

    It sees the user's settings of pip and uv (indexes, folders of wheels, credentials, certificates, proxies), but none
    that would send its results elsewhere or put another Python in the place of the one that is meant. The programs
    beside this Python come first on `PATH`: an environment need not be activated.

    Args:
        folder: what relative paths in them are relative to; None where the program runs there.
        besides: the names of further variables to pass, which files name as `${NAME}`.
    """
    named = {name for name in besides if not _NEVER.match(name)}
    chosen = {
        name: _absolute(value, folder) if folder is not None and _PATHS.fullmatch(name) else value
        for name, value in environ.items()
        if name.upper() in _KEPT or name in named or (name.startswith(_KEPT_BEGINNINGS) and not _is_refused(name))
    }
    here = os.path.dirname(sys.executable)
    return {**chosen, "PATH": os.pathsep.join(filter(None, (here, chosen.get("PATH"))))}


def _is_refused(name: str) -> bool:
    return name in _REFUSED or name.startswith(_REFUSED_BEGINNINGS)


def _absolute(value: str, folder: Path) -> str:
    """Make the paths in a value absolute; URLs among them stay."""
    words = (word if "://" in word or not word else os.path.normpath(folder / word) for word in value.split(" "))
    return " ".join(words)


def settings_of(environ: Mapping[str, str], tool: str) -> dict[str, str]:
    """Give the variables that change what a tool (`pip`, `uv`) finds, with their values: they may hold credentials."""
    beginning = f"{tool.upper()}_"
    return {
        name: environ[name]
        for name in sorted(environ)
        if name.startswith(beginning) and not _is_refused(name) and not _HOW.fullmatch(name)
    }
