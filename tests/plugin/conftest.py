"""What tests of sessions with environments share."""

from __future__ import annotations

import base64
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from indexes import Index
from suites import base, bench, boxes, fresh, shared_cache, suite  # noqa: F401  # Fixtures.

import pytest_envrepro.lending
import pytest_envrepro.returning  # noqa: F401  # Once here, and not again in every session that a test runs.

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
