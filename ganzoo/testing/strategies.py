"""Strategies of hypothesis for declarations: fields, data specs, and any JSON; and how many examples are tried."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

from ganzoo.catalogue import DataSpec, Field


def examples(count: int) -> settings:
    """Return settings with ``count`` examples, or a third of them where the same ones are tried each time."""
    return settings(deadline=None, max_examples=count // 3 if settings().derandomize else count)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


# Fields and data specs

names = st.lists(st.text(max_size=6), min_size=1, max_size=5).map(tuple)
sizes = st.integers(1, 64)
fields = st.one_of(
    st.builds(lambda c, h, w: Field("image", (c, h, w)), sizes, sizes, sizes),
    st.builds(lambda size: Field("point", (size,)), sizes),
    st.builds(lambda words: Field("vector", (len(words),), names=words), names),
    st.builds(lambda size, words: Field("tokens", (size,), names=words), sizes, names),
    st.builds(lambda count: Field("class", classes=count), sizes),
    st.builds(lambda words: Field("class", classes=len(words), names=words), names),
)


@st.composite
def specs(draw: st.DrawFn) -> DataSpec:
    """Draw a data spec with up to four fields."""
    found = draw(st.dictionaries(st.text(min_size=1, max_size=5), fields, min_size=1, max_size=4))
    return DataSpec(
        found, target=draw(st.sampled_from(sorted(found))), condition=draw(st.sampled_from(["", *sorted(found)]))
    )
