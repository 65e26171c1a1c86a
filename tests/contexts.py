"""Contexts of builds for tests: tar archives with a Dockerfile, images that say which test they are of, and their end."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pytest_envrepro.builders import Job, Line, read_lines

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LABEL = "envrepro-tests.run"


def archive(files: Mapping[str, bytes | Path | str]) -> bytes:
    """Give a tar archive of files."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode() if isinstance(content, str) else None
            data = content.read_bytes() if data is None and not isinstance(content, (str, bytes)) else data
            assert data is not None
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return written.getvalue()


class Yard:
    """What one test builds: every stage carries its label, so that all layers of it are known, and go."""

    def __init__(self, api: Any) -> None:
        self._api = api
        self.word = uuid4().hex
        self.told: list[str] = []
        self.said: list[str] = []

    def tag(self, name: str) -> str:
        """Give a name for an image, of this test alone."""
        return f"envrepro-tests/{name}:{self.word[:12]}"

    def job(self, text: str, files: Mapping[str, bytes | Path | str] | None = None, **options: Any) -> Job:
        """Give a job of a Dockerfile; `{label}` in it stands for the instruction that marks a stage."""
        text = text.replace("{label}", f'LABEL {LABEL}="{self.word}"')
        options.setdefault("lines", read_lines(text, "dockerfile (pyproject.toml)"))
        lines: tuple[Line, ...] = options["lines"]
        content = "".join(f"{line.text}\n" for line in lines)
        context = archive({"Dockerfile": content, **(files or {})})
        options.setdefault("network", "none")  # Nothing here needs one, and to make one takes its time.
        options.setdefault("labels", {LABEL: self.word})
        return Job(title="environment 'execution'", context=lambda: [context], **options)

    def build(self, builder: Any, engine: Any, job: Job) -> str:
        """Build it, and note what is told."""
        image: str = builder.build(engine, job, tell=self.told.append, say=self.said.append)
        return image

    def left(self) -> list[str]:
        """Give the ids of all images and layers of this test."""
        found = self._api.images(all=True, quiet=True, filters={"label": f"{LABEL}={self.word}"})
        return list(dict.fromkeys(found))

    def clear(self) -> None:
        """Remove them, the newest first."""
        import docker.errors  # noqa: PLC0415  # Where there is no engine, nothing of this is loaded.

        for _ in range(20):
            left = self.left()
            if not left:
                return
            for image in left:
                try:
                    self._api.remove_image(image, force=True)
                except docker.errors.APIError:
                    continue
        raise AssertionError(f"images of this test cannot be removed: {self.left()}")
