"""Every hook is documented, in its own docstring and in the guide, with the contract that it belongs to."""

from pathlib import Path

import pytest
from casty.plugins import hookspecs
from casty.plugins.kinds import KINDS, Kind, Provider

GUIDE = Path(__file__).parents[3] / "docs" / "plugins.md"


def test_every_hook_has_its_kind() -> None:
    hooks = [name for name in vars(hookspecs) if name.startswith("casty_")]
    assert sorted(hooks) == sorted(kind.hook for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.hook)
def test_every_hook_is_documented_with_its_contract(kind: Kind[Provider]) -> None:
    contract = kind.contract.__name__
    assert contract in (getattr(hookspecs, kind.hook).__doc__ or "")
    assert f"| `{kind.hook}` | `{contract}` |" in GUIDE.read_text()
