"""Spool and sequence are found in a batch's first bytes, and nowhere else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.collector.bench import BATCH, SPOOL
from wire import batch


@pytest.mark.parametrize("before", [rb'"site":"\ud800"', rb'"\ud800":1', rb'"site":"a\"b\\"'])
def test_a_peek_reads_past_texts_with_escapes(before: bytes) -> None:
    rest = json.dumps({"spool": SPOOL, "seq": 42, "blocks": []}).encode()[1:]
    assert batch.peek(b"{%s,%s" % (before, rest)) == (SPOOL, 42)


@given(
    st.binary(max_size=200), st.sampled_from([" ", "\n\t", ""]), st.permutations(["v", "node", "spool", "seq", "boot"])
)
def test_a_peek_finds_the_name_of_an_envelope_and_never_one_in_a_text(junk: bytes, space: str, keys: list[str]) -> None:
    trap = {"boot": f'","spool":"{"f" * 32}","seq":7,"'}
    head = {key: BATCH[key] for key in keys}
    text = json.dumps(head, separators=(f"{space},{space}", f"{space}:{space}")).encode()
    assert batch.peek(text[:-1] + b"," + junk) == (SPOOL, 42)
    assert batch.peek(json.dumps(trap | {"blocks": [BATCH]}).encode()) is None
    assert batch.peek(junk) is None
