"""Random streams keyed by seed, stream and step."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganzoo.randomness import ExampleDraws, FreshDraws, KeyedStreams, Share, key, seeded
from ganzoo.testing.strategies import examples

bounded = examples(60)


# Random streams

PINNED = {
    (0, "weights", 0): 6579489009559179723,
    (0, "generator/0/noise", 0): 837071424359184524,
    (0, "generator/0/noise", 1): 2555169920032298565,
    (1, "generator/0/noise", 1): 5462427514798908199,
    (7, "sample", 256): 4708538166963295863,
}


class TestRandomness:
    @pytest.mark.parametrize(("arguments", "value"), PINNED.items())
    def test_keys_never_change(self, arguments: tuple[int, str, int], value: int) -> None:
        """Every run ever made is repeatable only as long as these numbers stay."""
        assert key(*arguments) == value

    def test_keys_are_the_same_in_every_process(self) -> None:
        program = f"from ganzoo.randomness import key; print(*[key(*a) for a in {list(PINNED)!r}])"
        printed = subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": "1"}, capture_output=True, check=True
        ).stdout
        assert [int(word) for word in printed.split()] == list(PINNED.values())

    def test_no_two_streams_or_steps_share_a_key(self) -> None:
        streams = [f"{phase}/{update}/{name}" for phase in "dg" for update in range(5) for name in ("noise", "labels")]
        keys = {key(seed, stream, step) for seed in (0, 1) for stream in streams for step in range(5000)}
        assert len(keys) == 2 * len(streams) * 5000

    @bounded
    @given(
        st.tuples(st.integers(0, 2**53), st.text(max_size=12), st.integers(0, 2**40)),
        st.tuples(st.integers(0, 2**53), st.text(max_size=12), st.integers(0, 2**40)),
    )
    def test_keys_are_equal_only_for_equal_arguments(
        self, one: tuple[int, str, int], two: tuple[int, str, int]
    ) -> None:
        assert (key(*one) == key(*two)) == (one == two)
        assert 0 <= key(*one) < 2**63

    def test_slashes_do_not_confuse(self) -> None:
        assert key(1, "a/2", 3) != key(1, "a", 2) != key(1, "a/2")
        assert len({key(1, "2/3", 4), key(1, "2", 3), key(1, "2/3/4"), key(12, "3", 4)}) == 4

    def test_keys_use_all_their_bits(self) -> None:
        keys = [key(0, "noise", step) for step in range(4000)]
        for bit in range(63):
            assert sum(value >> bit & 1 for value in keys) / len(keys) == pytest.approx(0.5, abs=0.05)

    def draws(self, streams: KeyedStreams, order: list[tuple[str, int]]) -> dict[tuple[str, int], list[float]]:
        found = {}
        for stream, step in order:
            streams.begin(step)
            found[stream, step] = streams.at(stream).uniform(4).tolist()
        return found

    def test_a_stream_does_not_depend_on_what_was_drawn_before(self) -> None:
        places = [(stream, step) for stream in ("noise", "labels", "penalty") for step in range(4)]
        forwards = self.draws(KeyedStreams(5), places)
        assert self.draws(KeyedStreams(5), places[::-1]) == forwards
        assert self.draws(KeyedStreams(5), places[3:]) == {place: forwards[place] for place in places[3:]}
        one = KeyedStreams(5)
        assert self.draws(one, places) == self.draws(one, places) == forwards
        assert len({tuple(numbers) for numbers in forwards.values()}) == len(places)

    def test_another_seed_gives_other_numbers(self) -> None:
        assert self.draws(KeyedStreams(5), [("noise", 0)]) != self.draws(KeyedStreams(6), [("noise", 0)])

    def test_the_global_generator_plays_no_part(self) -> None:
        torch.manual_seed(1)
        before = torch.random.get_rng_state()
        first = self.draws(KeyedStreams(5), [("noise", 3)])
        assert torch.equal(torch.random.get_rng_state(), before)
        torch.manual_seed(2)
        assert self.draws(KeyedStreams(5), [("noise", 3)]) == first

    def test_nothing_is_drawn_on_the_meta_device(self) -> None:
        drawn = KeyedStreams(5, "meta").at("noise").normal(3, 2)
        assert drawn.device.type == "meta"
        assert drawn.shape == (3, 2)


def test_a_seeded_block_seeds_the_processor_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a GPU would draw next stays as it is: nothing would put it back after the block."""
    monkeypatch.delattr(torch, "manual_seed")
    before = torch.random.get_rng_state()
    drawn = []
    for seed in (3, 3, 4):
        with seeded(seed):
            drawn.append(torch.rand(4))
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[1], drawn[2])
    assert torch.equal(torch.random.get_rng_state(), before)


@given(rows=st.integers(1, 5), parts=st.integers(1, 4), seed=st.integers(0, 99))
def test_the_shares_of_a_stream_are_the_whole(rows: int, parts: int, seed: int) -> None:
    def streams() -> KeyedStreams:
        made = KeyedStreams(seed)
        made.begin(7)
        return made

    whole = streams().at("noise")
    expected = [whole.normal(rows * parts, 3), whole.uniform(rows * parts), whole.integers(10, rows * parts)]
    found = []
    for index in range(parts):
        draws = streams().at("noise", Share(index, parts))
        found.append([draws.normal(rows, 3), draws.uniform(rows), draws.integers(10, rows)])
    for kind, numbers in enumerate(expected):
        assert torch.equal(torch.cat([share[kind] for share in found]), numbers)
    again = FreshDraws(torch.Generator().manual_seed(seed))
    assert again.integers(3, 50).max() < 3


def test_a_shape_is_given_size_by_size_or_as_a_whole() -> None:
    one, other, third = (FreshDraws(torch.Generator().manual_seed(0)) for _ in range(3))
    shape = torch.zeros(2, 3).shape
    assert torch.equal(one.normal(2, 3), other.normal(shape))
    assert torch.equal(one.uniform(2, 3), other.uniform([2, 3]))
    assert torch.equal(one.integers(5, 2, 3), other.integers(5, shape))
    assert third.normal(len(shape), *shape[1:]).shape == (2, 3)


# Single examples


@pytest.mark.parametrize("count", [1, 3, 64, 300])
def test_the_numbers_of_an_example_do_not_depend_on_the_others(count: int) -> None:
    def drawn(numbers: range) -> list[torch.Tensor]:
        draws = ExampleDraws(5, "sample", numbers)
        rows = len(numbers)
        return [draws.normal(rows, 20), draws.integers(7, rows), draws.uniform(rows, 2, 3), draws.normal(rows, 5)]

    for whole, part in zip(drawn(range(300)), drawn(range(count)), strict=True):
        assert torch.equal(whole[:count], part)
    for whole, part in zip(drawn(range(300)), drawn(range(250, 300)), strict=True):
        assert torch.equal(whole[250:], part)


def test_examples_of_one_seed_and_of_two_seeds_differ() -> None:
    noise = torch.cat([ExampleDraws(seed, "sample", range(500)).normal(500, 4) for seed in (0, 1)])
    assert len(noise.unique(dim=0)) == 1000
    assert noise.mean().abs() < 0.1
    assert noise.std() == pytest.approx(1, abs=0.05)


def test_numbers_that_belong_to_no_example_are_refused() -> None:
    with pytest.raises(ValueError, match="shape \\(1, 8\\) for 4 examples: draw a row for each"):
        ExampleDraws(0, "sample", range(4)).normal(1, 8)


def test_the_meta_device_draws_no_numbers_of_examples() -> None:
    assert ExampleDraws(0, "sample", range(4), "meta").normal(4, 8).device.type == "meta"
