"""The store: environments by key, for all sessions of a user."""

from pytest_envrepro.store.manifest import Change
from pytest_envrepro.store.mends import Mend, changed_at
from pytest_envrepro.store.store import Damaged, Entry, Store

__all__ = ["Change", "Damaged", "Entry", "Mend", "Store", "changed_at"]
