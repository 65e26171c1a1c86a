"""Nothing of the developer's own environment reaches a program of a test's: canaries are planted for every known leak."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import making
import pytest
from envs.handling import PARENT, TARGETS, every_target, put, site_of

if TYPE_CHECKING:
    from pathlib import Path

    from envs.handling import Maker

    from pytest_envrepro.envs.virtualenv import VirtualEnvironment

pytestmark = pytest.mark.skipif(os.name == "nt", reason="is written for POSIX")

CANARY = "canary-of-the-parent"
# One for each way that is known to have changed a child (research, complaints, and the documents of the tools).
VARIABLES = (
    *("PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONWARNINGS", "PYTHONOPTIMIZE", "PYTHONPYCACHEPREFIX", "PYTHONBREAKPOINT"),
    *("PYTHONEXECUTABLE", "PYTHONPLATLIBDIR", "PYTHONCASEOK", "PYTHONHASHSEED", "PYTHONTRACEMALLOC"),
    *(
        "VIRTUAL_ENV",
        "VIRTUAL_ENV_PROMPT",
        "CONDA_PREFIX",
        "CONDA_DEFAULT_ENV",
        "PYENV_VERSION",
        "PYENV_DIR",
        "PYENV_ROOT",
    ),
    *("PIP_TARGET", "PIP_USER", "PIP_PREFIX", "PIP_INDEX_URL", "PIP_REQUIRE_VIRTUALENV", "_PIP_RUNNING_IN_SUBPROCESS"),
    *("UV_PYTHON", "UV_INDEX_URL", "UV_SYSTEM_PYTHON", "UV_PROJECT_ENVIRONMENT", "UV_CACHE_DIR", "VIRTUALENV_CREATOR"),
    *("PIPENV_ACTIVE", "POETRY_ACTIVE", "PDM_PROJECT", "HATCH_ENV", "TOX_ENV_NAME", "NOX_SESSION"),
    *("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER", "PYTEST_ENVREPRO_STRICT"),
    *(
        "COVERAGE_PROCESS_START",
        "COVERAGE_FILE",
        "COV_CORE_SOURCE",
        "LD_LIBRARY_PATH",
        "DYLD_LIBRARY_PATH",
        "DYLD_INSERT_LIBRARIES",
    ),
    *("DISTUTILS_DEBUG", "SETUPTOOLS_USE_DISTUTILS", "CFLAGS", "LDFLAGS", "CPPFLAGS", "__PYVENV_LAUNCHER__"),
    *("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "DATABASE_URL", "SSH_AUTH_SOCK", "HTTPS_PROXY", "http_proxy", "NETRC"),
    *("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "KEYRING_SERVICE", "CI", "GIT_DIR", "BASH_ENV", "ENV", "MY_OWN"),
)
SEEN = """
import json, os, sys, site, sysconfig
print(json.dumps({
    "environ": dict(os.environ), "path": sys.path, "prefix": sys.prefix, "cwd": os.getcwd(), "user": site.ENABLE_USER_SITE,
    "flags": [sys.flags.optimize, sys.flags.inspect], "version": sys.version_info[:2], "modules": sorted(sys.modules),
    "home": os.path.expanduser("~"), "files": os.listdir(os.curdir),
}))
"""


def seen_by(environment: VirtualEnvironment, **options: Any) -> dict[str, Any]:
    """Give what the environment's Python sees of its surroundings."""
    seen: dict[str, Any] = json.loads(environment.run_python("-c", SEEN, **options).stdout)
    return seen


def plant(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    """Set variables of this process, which is the parent."""
    for name, value in values.items():
        monkeypatch.setenv(name, value)


@every_target
def test_variables(maker: Maker, monkeypatch: pytest.MonkeyPatch, target: Path) -> None:
    """No variable but those that are chosen is there, and no value of the parent's, whatever it is called."""
    plant(monkeypatch, **dict.fromkeys(VARIABLES, CANARY), LANG="C.UTF-8", LC_NUMERIC="C", TZ="UTC")

    environ = seen_by(maker.virtualenv(target=target))["environ"]

    assert [name for name, value in environ.items() if CANARY in value] == []
    assert environ.keys() - {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"} == {
        *(
            "LANG",
            "LC_NUMERIC",
            "TZ",
            "PATH",
            "HOME",
            "USERPROFILE",
            "APPDATA",
            "LOCALAPPDATA",
            "TMPDIR",
            "TEMP",
            "TMP",
        ),
        *("XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"),
        *("PYTHONNOUSERSITE", "PYTHONSAFEPATH", "PYTHONUTF8", "PYTHONDONTWRITEBYTECODE"),
        *("PIP_CONFIG_FILE", "PIP_DISABLE_PIP_VERSION_CHECK", "PIP_NO_INPUT", "UV_NO_CONFIG", "UV_OFFLINE"),
        "GIT_CONFIG_NOSYSTEM",
    }


@every_target
def test_modules(maker: Maker, monkeypatch: pytest.MonkeyPatch, target: Path) -> None:
    """No module of the parent's is found: on `PYTHONPATH`, in the user's site, in the current folder, by a startup file."""
    environment = maker.virtualenv(target=target)
    put(environment, "app", "1.0")
    leak, user, home, here = (maker.folder / name for name in ("leak", "user", "home", "here"))
    version = ".".join(environment.python.interpreter.version.split(".")[:2])
    user_sites = [base / "lib" / f"python{version}" / "site-packages" for base in (user, home / ".local")]
    for folder in (leak, *user_sites, here):
        folder.mkdir(parents=True)
        for module in ("app", "sitecustomize", "usercustomize", "json"):
            (folder / f"{module}.py").write_text(f"raise SystemExit({str(folder)!r})\n")
    for site in user_sites:
        making.install(site, "app", "9.9")
    startup = maker.folder / "startup.py"
    startup.write_text("raise SystemExit('startup')\n")
    plant(monkeypatch, PYTHONPATH=str(leak), PYTHONUSERBASE=str(user), HOME=str(home), PYTHONSTARTUP=str(startup))
    monkeypatch.chdir(here)

    assert environment.run("app").stdout == "this is app 1.0\n"
    seen = seen_by(environment)
    assert (seen["user"], seen["flags"]) == (False, [0, 0])
    assert [each for each in seen["path"] if str(maker.folder) in each and "env client" not in each] == []
    assert environment.run_python("-m", "app").stdout == ""
    assert environment.inventory()["app"].version == "1.0"


@every_target
def test_home_of_another_python(maker: Maker, monkeypatch: pytest.MonkeyPatch, target: Path) -> None:
    """`PYTHONHOME` of another version, and the launcher's variable of macOS, change nothing."""
    environment = maker.virtualenv(target=target)
    other = next((path for path in TARGETS if path != target), target)
    plant(monkeypatch, PYTHONHOME=str(other.parents[1]), __PYVENV_LAUNCHER__=str(other))

    seen = seen_by(environment)

    assert seen["prefix"] == str(environment.prefix)
    assert ".".join(map(str, seen["version"])) in environment.python.interpreter.version


def test_programs(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of the same name earlier on the parent's `PATH` is not the one that runs, nor what a program finds."""
    environment = maker.virtualenv()
    put(environment, "app", "1.0")
    fakes = maker.folder / "fakes"
    fakes.mkdir()
    for name in ("app", "python", "only-outside"):
        (fakes / name).write_text("#!/bin/sh\necho fake\n")
        (fakes / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{fakes}{os.pathsep}{os.environ['PATH']}")
    code = "import shutil; print(shutil.which('app'), shutil.which('only-outside'))"

    assert environment.run("app").stdout == "this is app 1.0\n"
    assert environment.run_python("-c", code).stdout == f"{environment.scripts / 'app'} None\n"


def test_configuration_of_pip(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment's pip sees no file of the user's, in none of the places that it looks at."""
    environment = maker.virtualenv()
    home = maker.folder / "home"
    for folder in (home / ".pip", home / ".config" / "pip", home / "xdg" / "pip"):
        folder.mkdir(parents=True)
        (folder / "pip.conf").write_text("[global]\nindex-url = https://canary.invalid/simple\n[install]\nuser = yes\n")
    plant(monkeypatch, HOME=str(home), XDG_CONFIG_HOME=str(home / "xdg"), XDG_CONFIG_DIRS=str(home / "xdg"))
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        environment.prefix,
        "--isolated",
        "install",
        "--quiet",
        "--no-index",
    ]
    subprocess.run([*map(str, command), _wheel_of_pip()], check=True, env=PARENT)

    seen = environment.run("pip", "config", "list").stdout
    assert seen == ":env:.config-file='/dev/null'\n:env:.disable-pip-version-check='1'\n:env:.no-input='1'\n"


def _wheel_of_pip() -> str:
    """Give the wheel of pip that virtualenv brings."""
    from virtualenv.seed.wheels.embed import get_embed_wheel  # noqa: PLC0415  # Is slow, and needed once.

    found = get_embed_wheel("pip", f"{sys.version_info.major}.{sys.version_info.minor}")
    assert found is not None
    return str(found.path)


def test_folders(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """`HOME`, temporary files and the current folder are the test's own; the last is empty, and the same for all its runs."""
    monkeypatch.chdir(maker.root)
    (maker.root / "shadow.py").write_text("")
    environment = maker.virtualenv()
    scratch = maker.folder / "scratch client"
    code = "import os, tempfile; open('left', 'w'); print(os.path.expanduser('~'), tempfile.gettempdir(), os.getcwd(), sep='|')"

    assert seen_by(environment)["files"] == []
    assert environment.run_python("-c", code).stdout == f"{scratch / 'home'}|{scratch / 'tmp'}|{scratch / 'work'}\n"
    assert seen_by(environment)["files"] == ["left"]


def test_chosen(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the settings and the call say is passed, the call's word last; other variables of the parent are not."""
    from pytest_envrepro.settings import Settings  # noqa: PLC0415

    monkeypatch.setenv("PORT", "1")
    settings = Settings(environment={"PORT": "2", "HOST": "a", "PYTHONHASHSEED": "0", "UV_OFFLINE": "0"})
    environment = maker.virtualenv(settings=settings)

    environ = seen_by(environment, env={"HOST": "b", "HOME": "/nowhere"})["environ"]

    assert [environ[name] for name in ("PORT", "HOST", "PYTHONHASHSEED", "UV_OFFLINE")] == ["2", "b", "0", "0"]
    assert environ["HOME"] == "/nowhere"


def test_bytecode(maker: Maker) -> None:
    """A program in a shared environment leaves no bytecode in it; in a private one it may."""
    shared, private = maker.virtualenv("shared"), maker.virtualenv("private", is_private=True)

    for environment in (shared, private):
        put(environment, "app", "1.0")
        environment.run("app")

    left = [sorted(site_of(each).glob("__pycache__/app*")) != [] for each in (shared, private)]
    assert left == [False, True]
