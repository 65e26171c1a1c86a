"""What engines and registries write, and what we say of it."""

from __future__ import annotations

import re

import pytest

from pytest_envrepro.engine import EngineError, ImageNotFoundError
from pytest_envrepro.engines.messages import Layers, fault, image_of, messages, not_pulled
from pytest_envrepro.enginevalues import Image


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_messages(size: int) -> None:
    """Messages are lines of JSON, wherever they are cut; the last one may have no end."""
    data = b'{"stream":"a\\nb"}\r\n\r\n{"error":"no"}\n{"id":"\xc3\xa9"}'
    chunks = [data[index : index + size] for index in range(0, len(data), size)]

    assert list(messages(chunks)) == [{"stream": "a\nb"}, {"error": "no"}, {"id": "é"}]


@pytest.mark.parametrize("line", ['{"stream":', "<html>", "[]", "1"])
def test_no_messages(line: str) -> None:
    """What is none is an error with its words: the stream was cut, or it is no engine."""
    said = f"the engine has sent something that is no message of its protocol: {line!r}"
    with pytest.raises(EngineError, match=f"^{re.escape(said)}$"):
        list(messages([line.encode()]))


def test_fault() -> None:
    """The words of an error, old and new."""
    assert fault({"stream": "x"}) is None
    assert fault({"error": "a\n b"}) == "a b"
    assert fault({"errorDetail": {"message": "c"}}) == "c"


def test_progress() -> None:
    """A line for people where something new is to be said."""
    layers = Layers("a:1")
    told = [
        layers.take(message)
        for message in (
            {"status": "Pulling from a", "id": "1"},
            {"status": "Pulling fs layer", "id": "x"},
            {"status": "Pulling fs layer", "id": "y"},
            {"status": "Downloading", "id": "x", "progressDetail": {"current": 1}},
            {"status": "Pull complete", "id": "x"},
            {"status": "Already exists", "id": "y"},
            {"status": "Digest: sha256:0"},
        )
    ]

    assert told == [
        "pull a:1",
        "pull a:1: 0 of 1 layers",
        "pull a:1: 0 of 2 layers",
        None,
        "pull a:1: 1 of 2 layers",
        "pull a:1: 2 of 2 layers",
        None,
    ]


@pytest.mark.parametrize(
    ("reference", "said", "told"),
    [
        (
            "a:1",
            'Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host',
            "the registry docker.io does not answer from where the engine runs",
        ),
        (
            "a:1",
            "Get https://x/v2/: net/http: request canceled while waiting for connection (Client.Timeout exceeded)",
            "does not answer from where the engine runs",
        ),
        (
            "reg:5/a:1",
            "manifest for reg:5/a:1 not found: manifest unknown",
            "the registry reg:5 has no such image or tag",
        ),
        (
            "a/b",
            "pull access denied for a/b, repository does not exist or may require 'docker login': denied",
            "it does not exist, or is not public: is it spelled right? Else run docker login docker.io",
        ),
        ("reg.io/a", "Head https://reg.io/v2/a/manifests/1: no basic auth credentials", "run docker login reg.io"),
        ("a", "no matching manifest for linux/arm64 in the manifest list entries", "it is not there for linux/arm64"),
        (
            "a",
            "x509: certificate signed by unknown authority",
            "the certificate of the registry docker.io is not trusted",
        ),
        ("a", "toomanyrequests: You have reached your pull rate limit", "has had too many questions"),
        ("a", "something new", "see what the engine says: something new"),
    ],
)
def test_not_pulled(reference: str, said: str, told: str) -> None:
    """Why an image is not to be had, in the words of who can mend it, and the registry's own."""
    error = not_pulled(reference, said, "linux/arm64")

    assert isinstance(error, ImageNotFoundError)
    assert str(error).startswith(f"the image {reference} is not here and cannot be pulled: ")
    assert told in str(error)
    assert str(error).endswith(said)


def test_full_disk() -> None:
    """A full disk is no matter of the image."""
    error = not_pulled("a", "write /var/lib/docker/tmp/x: no space left on device")

    assert not isinstance(error, ImageNotFoundError)
    assert "the disk of the engine is full" in str(error)


def test_image() -> None:
    """What the engine says of an image, all of it or little."""
    assert image_of(
        {
            "Id": "sha256:1",
            "RepoTags": ["a:1"],
            "RepoDigests": ["a@sha256:2"],
            "Os": "linux",
            "Architecture": "arm64",
            "Variant": "v8",
            "Config": {"Env": ["A=b=c", "E="], "Labels": {"l": "1"}},
        }
    ) == Image("sha256:1", ("a@sha256:2",), {"l": "1"}, "linux/arm64/v8", {"A": "b=c", "E": ""}, ("a:1",))
    assert image_of({"Id": "sha256:1", "Os": "linux", "Architecture": "amd64", "Config": None}) == Image(
        "sha256:1", (), {}, "linux/amd64", {}, ()
    )
