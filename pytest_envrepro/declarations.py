"""What tests declare of environments, by their markers and by the fixtures that they ask for."""

from __future__ import annotations

from functools import partial
from operator import is_not
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from pytest_envrepro.axes import Choice, settled
from pytest_envrepro.declaring import Mark, is_inside, layers_of
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.options import ENVIRONMENT, LOOK, borrowed, registered_by_others
from pytest_envrepro.settingkeys import CONTAINER, KEYS, VIRTUALENV
from pytest_envrepro.settings import DEFAULT, Layer, combine

if TYPE_CHECKING:
    import pytest

    from pytest_envrepro.settings import Settings

_VENV, _CONTAINER = "throwaway_venv", "throwaway_container"
_DECLARED = frozenset({"environment", _VENV, _CONTAINER})  # The fixtures that a marker declares something for.
_KINDS = {_VENV: VIRTUALENV, _CONTAINER: CONTAINER}
_OF_CONTAINERS = Layer(origin=f"the fixture '{_CONTAINER}'", values={"kind": CONTAINER})
_HOW = "@pytest.mark.environment('NAME'), or @pytest.mark.environment(requirements=[...])"
_UNMARKED = f"the fixture 'environment' gives what a marker declares, and this test has none: {_HOW}"
_SHADOWED = (
    "the fixture 'environment' gives what the marker 'environment' declares, and this suite has registered a marker of "
    "that name for itself: environments.get(...) gives one without it"
)

# What was made of the markers of a test: it is asked for five times while that runs.
_KNOWN: WeakKeyDictionary[pytest.Item, tuple[list[pytest.Mark], list[Mark]]] = WeakKeyDictionary()


def fits(item: pytest.Item, kind: str) -> bool:
    """Tell whether a test has a use for an environment of a kind: a fixture for another one refuses it."""
    wanted = borrowed(item) & _DECLARED
    return not wanted or any(_KINDS.get(fixture, kind) == kind for fixture in wanted)


def declares(item: pytest.Item) -> bool:
    """Tell whether a test is given what its markers declare, or wants to run in it."""
    return may_declare(item) or is_inside(marks(item))


def is_given(item: pytest.Item) -> bool:
    """Tell whether a test has a use for what its markers declare: without one `environment` is an error."""
    return not borrowed(item).isdisjoint(_KINDS) or bool(marks(item))


def is_copied(item: pytest.Item) -> bool:
    """Tell whether a test is given a virtualenv of its own."""
    return _VENV in borrowed(item)


def why_nothing(item: pytest.Item) -> str:
    """Say why there is nothing to give to a test that asks for a shared one."""
    return _SHADOWED if is_shadowed(item.config) else _UNMARKED


def is_shadowed(config: pytest.Config) -> bool:
    """Tell whether a suite has registered a marker of our name for itself."""
    return ENVIRONMENT in registered_by_others(config)


def marks(item: pytest.Item) -> list[Mark]:
    """Give the markers of a test, the closest first; those are not ours that the suite has registered for itself."""
    if is_shadowed(item.config):
        return []
    written = [*item.iter_markers(ENVIRONMENT)]  # A fixture may add one.
    known = _KNOWN.get(item)
    if known is None or len(known[0]) != len(written) or any(map(is_not, known[0], written)):
        known = _KNOWN[item] = written, _settled(item)
    return known[1]


def _settled(item: pytest.Item) -> list[Mark]:
    found = placed(item)
    choices = [mark.args[0] for _, mark in found if _is_choice(mark)]
    written = [each for each in found if not _is_choice(each[1])]
    for choice in choices:
        written = [(identity, choice.of(identity, mark)) for identity, mark in written]
    return settled(written, partial(set_by, item.config))


def set_by(config: pytest.Config, name: str) -> frozenset[str]:
    """Give the keys that an environment of the table sets; none where it cannot be read, which each test tells."""
    look = config.stash.get(LOOK, None)
    try:
        named = look().config.environments if look else {}
    except SettingsError:
        return frozenset()
    settings, _ = combine([Layer("", {}, name)], named)
    return frozenset(key for key in KEYS if settings is not None and settings.origins[key] != DEFAULT)


def placed(item: pytest.Item) -> list[tuple[int, Mark]]:
    """Give the markers of a test as they were written, the closest first, each with its identity."""
    found = [*item.iter_markers_with_node(ENVIRONMENT)]
    # To pytest those of a parameter are as close as those of the function, and come after them.
    of_parameters = {id(mark) for mark in getattr(getattr(item, "callspec", None), "marks", ())}
    found.sort(key=lambda each: id(each[1]) not in of_parameters)
    return [
        (id(mark), Mark(mark.args, mark.kwargs, getattr(node, "originalname", None) or node.name))
        for node, mark in found
    ]


def _is_choice(mark: Mark) -> bool:
    """Tell whether a marker is the one that a run of a test has, which says what it takes of a matrix."""
    return len(mark.args) == 1 and isinstance(mark.args[0], Choice)


def may_declare(item: pytest.Item) -> bool:
    """Tell whether a test is given what its markers declare, by a fixture."""
    return not _DECLARED.isdisjoint(borrowed(item))


def declared_layers(item: pytest.Item) -> tuple[Layer, ...]:
    """Give the settings that a test declares, the closest first.

    Raises:
        SettingsError: a marker cannot be followed.
    """
    own = (_OF_CONTAINERS,) if _CONTAINER in borrowed(item) else ()
    return (*own, *layers_of(marks(item)))


def check_kind(settings: Settings, fixture: str) -> None:
    """Refuse what a fixture is not for.

    Raises:
        SettingsError: another kind is declared.
    """
    if settings.kind != _KINDS[fixture]:
        other = next(name for name, kind in _KINDS.items() if kind == settings.kind)
        raise SettingsError(
            f"the fixture '{fixture}' gives a {_KINDS[fixture]}, and kind = \"{settings.kind}\" is declared "
            f"({settings.origins['kind']}): take '{other}', or declare kind=\"{_KINDS[fixture]}\""
        )
