"""Every bench that can be asked for is there."""

import pytest

from pipelines.bench import _load, benches


@pytest.mark.parametrize("name", sorted(benches()))
def test_a_named_bench_can_be_imported(name: str) -> None:
    assert callable(_load(name, benches()[name]))
