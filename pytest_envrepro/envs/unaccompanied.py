"""What an environment that has no services beside it gives in their place: a mapping without any, which says why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_envrepro.engine import UnknownServiceError


class NoServices(Mapping[str, Any]):
    """No services.

    Args:
        label: of the environment, as part of a sentence.

    Attributes:
        network, project: as of services; there are none.
    """

    network: None = None
    project: None = None

    def __init__(self, label: str) -> None:
        self._label = label

    def __repr__(self) -> str:
        return f"<no services: {self._label} declares no compose>"

    def __getitem__(self, name: str) -> Any:
        __tracebackhide__ = True
        raise UnknownServiceError(
            f"there is no service '{name}', as {self._label} declares no compose: write compose = \"compose.yaml\", the file "
            "that has it, among its settings"
        )

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
