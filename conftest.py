"""The test suite's own plugins."""

import pytest

pytest.register_assert_rewrite("pytest_envrepro.comparisons")  # As the plugin does, before any test imports it.
pytest_plugins = ["pytester"]
