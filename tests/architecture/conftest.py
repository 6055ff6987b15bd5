"""The trees of all modules are half of a worker's memory, and only these tests look at them."""

from collections.abc import Iterator

import pytest

from tests.architecture.source import source_modules


@pytest.fixture(scope="package", autouse=True)
def forget_source() -> Iterator[None]:
    yield
    source_modules.cache_clear()
