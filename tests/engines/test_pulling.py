"""Images from a registry: a small one of our own, which says what registries say."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.engine import EngineError, ImageNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_envrepro.engine import Engine

pytestmark = pytest.mark.requires_integration("docker-engine")

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def digest(data: bytes) -> str:
    """Give the digest of a blob."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def blobs() -> tuple[bytes, dict[str, bytes]]:
    """Make an image with one file: its manifest, and what that names."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("made"))
    layer = gzip.compress(file.getvalue(), mtime=0)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": {"envrepro-tests.pulled": "1"}},
            "rootfs": {"type": "layers", "diff_ids": [digest(file.getvalue())]},
        }
    ).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": len(config),
            "digest": digest(config),
        },
        "layers": [
            {
                "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                "size": len(layer),
                "digest": digest(layer),
            }
        ],
    }
    return json.dumps(manifest).encode(), {digest(config): config, digest(layer): layer}


@pytest.fixture
def registry() -> Iterator[str]:
    """Give the address of a registry."""
    with answering([]) as address:
        yield address


@contextlib.contextmanager
def answering(asked: list[str]) -> Iterator[str]:
    """Give the address of a registry: it has `made:1`, `closed` needs a login, and nothing else is there.

    Args:
        asked: is filled with the paths that it is asked for.
    """
    manifest, content = blobs()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            last = self.path.rpartition("/")[2]
            if self.path == "/v2/":
                self._answer(200, b"{}")
            elif "/closed/" in self.path:
                self._answer(401, b'{"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}')
            elif self.path in {"/v2/made/manifests/1", f"/v2/made/manifests/{digest(manifest)}"}:
                self._answer(200, manifest, MANIFEST)
            elif last in content:
                self._answer(200, content[last], "application/octet-stream")
            else:
                self._answer(404, b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}')

        do_HEAD = do_GET  # noqa: N815  # The name is `http.server`'s.

        def _answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
            self.send_response_only(status)
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if kind == MANIFEST:
                self.send_header("Docker-Content-Digest", digest(body))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_pull(engine: Engine, registry: str) -> None:
    """An image is had by its tag and by its digest, and what is going on is told."""
    told: list[str] = []
    reference = f"{registry}/made:1"
    try:
        image = engine.pull(reference, tell=told.append)
        assert image.labels == {"envrepro-tests.pulled": "1"}
        assert image.digests == (f"{registry}/made@{digest(blobs()[0])}",)
        assert told[-1] == f"pull {reference}: 1 of 1 layers"
        assert engine.pull(image.digests[0], tell=told.append).id == image.id
    finally:
        engine.remove_image(reference)
        engine.remove_image(f"{registry}/made@{digest(blobs()[0])}")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("made:2", "the registry {registry} has no such image or tag: is it spelled right?"),
        ("closed:1", "is it spelled right? Else run docker login {registry}"),
    ],
)
def test_not_there(engine: Engine, registry: str, name: str, said: str) -> None:
    """A tag that is not there, and one that needs a login, are told with what to do."""
    with pytest.raises(ImageNotFoundError) as caught:
        engine.pull(f"{registry}/{name}", tell=lambda _: None)

    assert str(caught.value).startswith(f"the image {registry}/{name} is not here and cannot be pulled: ")
    assert said.format(registry=registry) in str(caught.value)


def test_no_registry(engine: Engine) -> None:
    """A registry that does not answer is told with what to do, and at once."""
    with pytest.raises(
        ImageNotFoundError, match=r"the registry 127\.0\.0\.1:1 does not answer from where the engine runs"
    ):
        engine.pull("127.0.0.1:1/a:1", tell=lambda _: None)


def test_no_reference(engine: Engine) -> None:
    """What cannot be an image's name is not asked for."""
    with pytest.raises(EngineError, match="is no name, digest or id of an image"):
        engine.pull("../x", tell=lambda _: None)
