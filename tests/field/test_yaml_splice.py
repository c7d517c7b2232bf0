"""One value of a YAML text changes: it reads back, and the rest stays as it was."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from common.strict_yaml import parse
from common.yaml_splice import inline, with_value, without

scalars = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=12)
values = (
    scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), scalars)
)


@given(st.lists(scalars, min_size=1, max_size=3))
def test_a_value_on_one_line_reads_back_as_itself(items: list[Any]) -> None:
    assert parse(f"a: {inline(items)}").data == {"a": items}


@given(data=st.data(), flow=st.sampled_from([None, False, True]))
def test_any_value_at_any_place_reads_back_and_the_rest_stays(data: st.DataObject, flow: bool | None) -> None:
    """The text is YAML as its author might have it: block, flow or mixed, with a comment behind every line."""
    keys = st.from_regex(r"[a-z]{1,5}", fullmatch=True)
    leaf = st.integers(0, 99) | st.text(st.characters(codec="utf-8", categories=["L"]), min_size=1, max_size=6)
    tree = st.recursive(leaf, lambda below: st.lists(below, max_size=3) | st.dictionaries(keys, below, max_size=3))
    before = data.draw(st.dictionaries(keys, tree, min_size=1, max_size=4))
    text = yaml.safe_dump(before, default_flow_style=flow, allow_unicode=True, sort_keys=False, width=10**6)
    text = "# above\n" + text.replace("\n", "  # behind\n")
    try:
        before = parse(text).data
    except ValueError:
        return  # words such as `no`: refused before anything is changed
    where: list[str | int] = []
    at: Any = before
    while isinstance(at, (dict, list)) and at and (not where or data.draw(st.booleans())):
        step = data.draw(st.sampled_from(list(at) if isinstance(at, dict) else range(len(at))))
        where.append(step)
        at = at[step]
    if isinstance(at, dict) and data.draw(st.booleans()):
        where.append("newkey")
    value = data.draw(values)
    after = with_value(text, tuple(where), value)
    assert parse(after).data == _put(before, where, value), after
    assert after.startswith("# above\n")
    if where[-1] != "newkey":
        left = without(text, tuple(where))
        assert left.startswith("# above\n")


def _put(data: Any, where: list[str | int], value: Any) -> Any:
    if not where:
        return value
    copy = list(data) if isinstance(data, list) else dict(data)
    step: Any = where[0]
    copy[step] = _put(copy.get(step) if isinstance(copy, dict) else copy[step], where[1:], value)
    return copy
