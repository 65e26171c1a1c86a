"""Engines that refuse, go away half-way or say strange things: one clear error, and what they have made is taken away."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.builders import Job, builder_for, read_lines
from pytest_envrepro.engine import EngineError
from pytest_envrepro.enginevalues import Image
from pytest_envrepro.errors import BuildError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.core

LAYER = "sha256:" + "a" * 64
MADE = [
    {"stream": "Step 1/3 : FROM base\n"},
    {"stream": " ---> bbbbbbbbbbbb\n"},
    {"stream": "Step 2/3 : RUN one\n"},
    {"stream": " ---> Running in cccccccccccc\n"},
    {"stream": "half a "},
    {"stream": "line"},
    {"stream": "Removing intermediate container cccccccccccc\n"},
    {"stream": f" ---> {'a' * 12}\n"},
    {"stream": "Step 3/3 : RUN two\n"},
]


class Engine:
    """An engine of one build: it says what it is told to, and then fails."""

    label = "Docker 1 at nowhere"
    is_remote = False

    def __init__(self, said: Mapping[str, list[Any]], fault: str = "") -> None:
        self._said, self._fault = said, fault
        self.asked: list[str] = []
        self.closed = 0
        self.images = {LAYER: Image(LAYER, (), {}, "linux/amd64", {})}
        self.tags: dict[str, str] = {}

    def build(self, params: Mapping[str, str], context: Any) -> Iterator[dict[str, Any]]:
        """Say it, in a stream that somebody has to close."""
        self.stream = self._build(params, context)
        return self.stream

    def _build(self, params: Mapping[str, str], context: Any) -> Iterator[dict[str, Any]]:
        self.asked.append(params["version"])
        b"".join(context)
        try:
            yield from self._said[params["version"]]
            if self._fault:
                raise EngineError(self._fault)
        finally:
            self.closed += 1

    def image(self, reference: str) -> Image | None:
        """Find one."""
        return next((each for each in self.images.values() if each.id.startswith(f"sha256:{reference}")), None)

    def remove_image(self, reference: str) -> bool:
        """Remove it."""
        del self.images[reference]
        return True

    def tag(self, image: str, reference: str) -> None:
        """Note a name."""
        self.tags[reference] = image


def job(head: str = "", **options: Any) -> Job:
    """Give a job of three steps, with something before them."""
    lines = read_lines(f"{head}FROM base\nRUN one\nRUN two\n", "run (pyproject.toml)")
    return Job(title="environment 'x'", lines=lines, context=lambda: [b"tar"], tags=("name:1",), **options)


def built(engine: Engine, kind: str = "engine", **options: Any) -> tuple[str, list[str], list[str]]:
    """Build, and give the image with what was told and said."""
    told: list[str] = []
    said: list[str] = []
    given: Any = engine
    image = builder_for(kind, lambda _: given).build(given, job(**options), tell=told.append, say=said.append)
    return image, told, said


def test_gone_half_way() -> None:
    """The step that it was at is told; the stream is closed, and the layers are asked to be removed."""
    engine = Engine({"1": MADE}, "the engine does not answer any more")

    with pytest.raises(BuildError) as caught:
        built(engine)

    assert str(caught.value) == (
        "the image of environment 'x' cannot be built, at step 3 of 3: the engine does not answer any more"
    )
    assert (engine.closed, engine.images, engine.tags) == (1, {}, {})


def test_a_layer_with_a_name_stays() -> None:
    """Whatever was said, only what has no name is removed."""
    engine = Engine({"1": MADE}, "gone")
    engine.images[LAYER] = engine.images[LAYER]._replace(tags=("mine:1",))

    with pytest.raises(BuildError):
        built(engine)

    assert list(engine.images) == [LAYER]


def test_ends_without_an_image() -> None:
    """That is an error too, and no name is given."""
    engine = Engine({"1": MADE})

    with pytest.raises(BuildError, match=r"Docker 1 at nowhere has ended the build and gives no image"):
        built(engine)

    assert engine.tags == {}


def test_strange_messages() -> None:
    """What is not understood is passed over."""
    strange = [
        {},
        {"aux": "x"},
        {"aux": {"ID": 3}},
        {"stream": 4},
        {"id": "moby.buildkit.trace", "aux": "?"},
        {"status": "x"},
    ]
    engine = Engine({"1": [*strange, *MADE, {"aux": {"ID": "sha256:1"}}]})

    image, told, said = built(engine)

    assert (image, engine.tags) == ("sha256:1", {"name:1": "sha256:1"})
    assert told[1] == "step 2 of 3: RUN one (run (pyproject.toml))"
    assert said == ["half a line"]


def test_no_buildkit() -> None:
    """An engine that refuses it builds in the classic way, with a word about it."""
    engine = Engine(
        {"2": [{"error": "failed to solve: no active sessions"}], "1": [*MADE, {"aux": {"ID": "sha256:1"}}]}
    )

    image, told, _ = built(engine, "buildkit")

    assert (image, engine.asked) == ("sha256:1", ["2", "1"])
    assert told[0] == (
        "built by the classic builder, as Docker 1 at nowhere does not build with BuildKit: failed to solve: no active sessions"
    )


def test_read_by_an_image_that_is_not_here() -> None:
    """Offline BuildKit has nothing fetched to read a Dockerfile by; the classic builder, for secrets, reads it itself."""
    engine = Engine({"1": [*MADE, {"aux": {"ID": "sha256:1"}}]})
    options: dict[str, Any] = {"head": "# syntax=h.invalid/frontend:1\n", "network": "none"}

    with pytest.raises(BuildError) as caught:
        built(engine, "buildkit", **options)
    image, told, _ = built(engine, "buildkit", **options, secrets=("hunter2",))

    assert str(caught.value) == (
        "the image of environment 'x' cannot be built offline by BuildKit: '# syntax=h.invalid/frontend:1' names an image "
        "that is not here: pull it before, or leave that line out"
    )
    assert (image, engine.asked) == ("sha256:1", ["1"])
    assert told[0].startswith("built by the classic builder: BuildKit's cache would keep the credentials")


def test_refused() -> None:
    """An engine that does not even begin is told with its words."""
    with pytest.raises(BuildError) as caught:
        built(Engine({"1": []}, "the engine cannot build an image: bad parameter"))

    assert str(caught.value).splitlines()[:2] == [
        *(
            "the image of environment 'x' cannot be built",
            "  the engine says: the engine cannot build an image: bad parameter",
        )
    ]


def test_who_asks_for_it() -> None:
    """A package whose hash differs is told with who asks for it."""
    said = (
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n"
        "    beta==1.0 from https://host/beta.whl:\n        Expected sha256 00\n"
    )
    wrong = [*MADE, {"stream": " ---> Running in dddddddddddd\n"}, {"stream": said}]
    engine = Engine(
        {"1": [*wrong, {"error": "The command 'pip' returned a non-zero code: 1", "errorDetail": {"code": 1}}]}
    )

    with pytest.raises(BuildError, match=r"(?m)^  beta, needed by alpha, asked for by requirements\.in:1$"):
        built(engine, trails={"beta": "beta, needed by alpha, asked for by requirements.in:1"})


def test_unknown_builders() -> None:
    """The names that there are, and the nearest one."""
    with pytest.raises(SettingsError, match=r"builder = 'buildkid' is not known here \(did you mean 'buildkit'\?\)"):
        builder_for("buildkid", lambda _: pytest.fail("asked"))


def test_builders_of_others(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point gives one by its name; one that does not load is told where it is asked for, and not before."""
    info = tmp_path / "other-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: other\nVersion: 1\n")
    points = (
        "[pytest_envrepro.builders]\nfar = other_builder:Far\nbroken = other_builder:Broken\nnone = builtins:dict\n"
    )
    (info / "entry_points.txt").write_text(points)
    (tmp_path / "other_builder.py").write_text(
        "class Far:\n    name = 'far'\n    def build(self, engine, job, *, tell, say):\n        return job.title\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    assert built(Engine({}), "far")[0] == "environment 'x'"
    assert builder_for("engine", lambda _: pytest.fail("asked")).name == "engine"
    with pytest.raises(SettingsError, match=r"builder = 'broken': the entry point 'broken' of other .* does not load"):
        builder_for("broken", lambda _: pytest.fail("asked"))
    with pytest.raises(SettingsError, match=r"builder = 'none': .* gives no builder: it has no method 'build'"):
        builder_for("none", lambda _: pytest.fail("asked"))


def test_the_callers_own_exception() -> None:
    """Whatever is raised while it is told, ends the build and goes on."""
    engine: Any = Engine({"1": MADE})

    def tell(_: str) -> None:
        raise SystemExit(3)

    with contextlib.suppress(SystemExit):
        builder_for("engine", lambda _: engine).build(engine, job(), tell=tell, say=tell)

    assert engine.closed == 1
