"""How things are put away: one fault leaves nothing else out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from pytest_envrepro.boxes import Boxes, Crew
from pytest_envrepro.engine import EngineError
from pytest_envrepro.settings import Settings
from pytest_envrepro.tidying import Tidying

if TYPE_CHECKING:
    from pytest_envrepro.containers import Containers

pytestmark = pytest.mark.core


def test_steps() -> None:
    """All steps are taken, and what went wrong is told once, in order."""
    tidying, taken = Tidying(), list[int]()
    faults: list[Exception] = [OSError(28, "No space left on device"), EngineError("it is gone")]
    for number, fault in enumerate([faults[0], None, faults[1], None]):
        with tidying.step():
            taken.append(number)
            if fault is not None:
                raise fault

    assert taken == [0, 1, 2, 3]
    assert [*tidying.told()] == faults
    assert tidying.told() == ()
    tidying.end()


def test_end() -> None:
    """The first is raised; an error that is nobody's but ours goes before the others, and does not hide them for good."""
    tidying = Tidying()
    for error in (EngineError("first"), ValueError("ours"), OSError("last")):
        with tidying.step():
            raise error

    with pytest.raises(ValueError, match="ours"):
        tidying.end()
    with pytest.raises(EngineError, match="first"):
        tidying.end()


def test_at_once() -> None:
    """What nothing could be done after is raised at once; and so is what is no error, as Ctrl-C."""
    tidying = Tidying()

    with pytest.raises(EngineError), tidying.step((EngineError,)):
        raise EngineError("it is gone")
    with pytest.raises(KeyboardInterrupt), tidying.step():
        raise KeyboardInterrupt

    assert tidying.told() == ()


@pytest.mark.parametrize("fault", [EngineError("it is gone"), OSError(28, "No space left on device")], ids=type)
def test_containers_beside_services(fault: Exception) -> None:
    """Where services cannot be taken down, containers are ended all the same, images pruned, and the connection closed."""
    closed: list[str] = []

    class Services:
        def services(self, _: Settings) -> None:
            """Bring up nothing."""

        def close(self) -> None:
            """Fail to take it down."""
            closed.append("services")
            raise fault

    def projects(*_: Any) -> Services:
        return Services()

    containers = SimpleNamespace(projects=projects, close=lambda: closed.append("containers"))
    boxes = Boxes(lambda: cast("Containers", containers), "none", Crew(1, "word"), since=0.0)
    boxes.services(Settings(compose="compose.yaml"))

    with pytest.raises(type(fault)) as caught:
        boxes.close()

    assert caught.value is fault
    assert closed == ["services", "containers"]
