"""The tools that write locks, each in an environment of its own, and an index that all of them reach by one address.

Poetry, pipenv, pdm and conda-lock bring many packages, which would decide what else is installed beside the tests: each
has a virtual environment, made by uv once for each set of versions and kept in the user's cache folder. They come from
an index: `pytest.mark.requires_integration("network", "compilers")`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from indexes import uv_program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from indexes import Index

TOOLS = {
    "poetry": ("poetry==2.5.1", "poetry-plugin-export>=1.9"),
    "pipenv": ("pipenv==2026.10.3",),
    "pdm": ("pdm[locked]>=2.26",),
    "conda-lock": ("conda-lock==4.0.3",),
    "pre-commit": ("pre-commit>=4",),
}
# Where the index is to the tools: a name that stands in locks, and that is the same on every machine and in every run.
INDEX = "http://index.example/simple/"
# Found at import: tests have homes of their own.
_SHED = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pytest-envrepro-tests" / "tools"


def program(name: str) -> str:
    """Give a tool's program, which is installed where it is not there yet."""
    if name == "uv":
        return uv_program()
    if name == "pip-compile":
        return os.path.join(os.path.dirname(sys.executable), name)
    requirements = TOOLS[name]
    words = "\0".join((*requirements, sys.version)).encode()
    folder = _SHED / f"{name}-{hashlib.sha256(words).hexdigest()[:12]}"
    done = folder / "done"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        from filelock import FileLock  # noqa: PLC0415  # This module is imported on a machine without it too.

        with FileLock(f"{folder}.lock"):
            if not done.exists():
                _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(folder / "venv"))
                python = folder / "venv" / "bin" / "python"
                _uv("pip", "install", "--quiet", "--python", str(python), *requirements)
                done.touch()
    return str(folder / "venv" / "bin" / name)


def _uv(*words: str) -> None:
    # Several indexes may be configured here; the environment of these tests is not to be told from outside.
    environ = {**_outside(), "UV_INDEX_STRATEGY": "unsafe-best-match"}
    subprocess.run([uv_program(), *words], env=environ, check=True)


def _outside() -> dict[str, str]:
    return {name: value for name, value in _BEGUN_WITH.items() if not name.startswith(("COVERAGE_", "VIRTUAL_ENV"))}


_BEGUN_WITH = dict(os.environ)  # Before a test takes away what tells uv of its indexes.


@contextlib.contextmanager
def served(index: Index) -> Iterator[dict[str, str]]:
    """Serve an index at `INDEX` to those that have these variables: it is behind a proxy, which is all they reach."""

    class Handler(SimpleHTTPRequestHandler):
        """Answers requests for any host from the folder of the index."""

        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(index.path))  # type: ignore[arg-type]

        def do_GET(self) -> None:
            self.path = urlsplit(self.path).path.removeprefix("/simple")
            super().do_GET()

        def do_CONNECT(self) -> None:
            self.send_error(502)  # Nothing else is in reach.

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        proxy = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield {
                **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), proxy),
                **dict.fromkeys(("no_proxy", "NO_PROXY"), ""),
                "PIP_INDEX_URL": INDEX,
                "PIP_TRUSTED_HOST": "index.example",
                "PIP_CONFIG_FILE": os.devnull,
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
                "UV_DEFAULT_INDEX": INDEX,
                "PDM_PYPI_URL": INDEX,
                "PDM_PYPI_VERIFY_SSL": "0",
                "PDM_CHECK_UPDATE": "0",
                "POETRY_VIRTUALENVS_CREATE": "0",
            }
        finally:
            server.shutdown()


def environ(home: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Give all that a tool is told: nothing of this machine but PATH; a home, and so caches and settings, of its own."""
    home.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.defpath,
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "UV_CACHE_DIR": str(home / "uv-cache"),
        "UV_PYTHON": sys.executable,
        "PIPENV_VENV_IN_PROJECT": "1",
        "PIPENV_NOSPIN": "1",
        "NO_COLOR": "1",
        **variables,
    }


def run(name: str, *words: str, cwd: Path, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a tool as a person would, in a project."""
    return subprocess.run(
        [program(name), *words],
        cwd=cwd,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
