"""Sealed files: whatever is written is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ganzoo.catalogue.formats import FORMAT
from ganzoo.storage.sealed import read_sealed, write_sealed


def _same(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> bool:
    return found.keys() == wanted.keys() and all(torch.equal(value, wanted[name]) for name, value in found.items())


@given(
    about=st.dictionaries(
        st.text(max_size=9).filter("seal".__ne__), st.text(max_size=9) | st.integers() | st.lists(st.booleans())
    )
)
def test_whatever_is_written_is_read(about: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    tensors = {"a": torch.arange(3), 'the "quoted" seal': torch.zeros(2, 0), "turned": torch.ones(2, 3).T}
    tensors["the same memory"] = tensors["turned"]
    digest = write_sealed(path, tensors, "ganzoo-any", about)
    found, said = read_sealed(path, "ganzoo-any", "file")
    assert _same(found, tensors)
    assert said == {**about, "format": FORMAT, "sha256": digest}


def test_the_seals_own_place_cannot_be_taken(tmp_path: Path) -> None:
    for about in ({"seal": ""}, {"seal": "0" * 64}, {"inside": {"seal": "0" * 64}}):
        with pytest.raises(ValueError, match="the key 'seal' is reserved"):
            write_sealed(tmp_path / "file", {}, "ganzoo-any", about)
    with pytest.raises(ValueError, match="JSON"):
        write_sealed(tmp_path / "file", {}, "ganzoo-any", {"number": float("nan")})
    assert not list(tmp_path.iterdir())
