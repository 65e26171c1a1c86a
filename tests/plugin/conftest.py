"""What tests of sessions with environments share."""

from __future__ import annotations

import base64
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from borrowing import Suite, filled
from boxing import Base, based
from indexes import Index

import pytest_envrepro.lending
import pytest_envrepro.returning  # noqa: F401  # Once here, and not again in every session that a test runs.

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from projects import Project
    from workbench import Bench


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Give the wheels; nobody adds to them."""
    return filled(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the cache of all tests that do not ask for one of their own."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def suite(project: Project, bench: Bench, shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """Give a project whose tests ask for environments; what other tests have made is there already."""
    monkeypatch.delenv("PYTEST_ENVREPRO_OFFLINE", raising=False)
    monkeypatch.delenv("PYTEST_ENVREPRO_KEEP", raising=False)
    return Suite(project, bench, shared_cache, monkeypatch)


@pytest.fixture
def fresh(suite: Suite, tmp_path: Path) -> Suite:
    """Give the same, where nothing is made yet."""
    suite.use(tmp_path / "fresh")
    return suite


@pytest.fixture(scope="session")
def base(base_image: str, docker_api: Any) -> Iterator[Base]:  # noqa: ARG001  # It is made of that.
    """Give an image of this run's own that containers begin with; what comes of it is gone in the end."""
    with based(docker_api) as found:
        yield found


@pytest.fixture
def boxes(suite: Suite, base: Base, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """Give a project whose tests ask for containers, by the table's name `box`; no image is pulled."""
    monkeypatch.setenv("BASE", base.reference)
    return suite


class Guarded(SimpleHTTPRequestHandler):
    """Serves a folder to whoever knows the password."""

    def do_GET(self) -> None:
        """Answer."""
        known = base64.b64encode(b"bob:s3cretpw").decode()
        if self.headers.get("Authorization") == f"Basic {known}":
            super().do_GET()
            return
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[str]:
    """Give the address of an index that wants a password, with credentials."""
    index = Index(tmp_path / "guarded")
    index.add("guarded", "1.0")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Guarded, directory=str(index.path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://bob:s3cretpw@127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()
