"""YAML's traps are closed, and every complaint names file, line and cure."""

import pytest

from common.strict_yaml import NotUsable, parse

TRAPS = {
    "python object tag": 'a: !!python/object/apply:os.system ["id"]\n',
    "anchor": "a: &x [1]\n",
    "alias": "a: &x [1]\nb: *x\n",
    "same key twice": "a: 1\nb: 2\na: 3\n",
    "NO": "parity: NO\n",
    "octal": "mode: 0644\n",
    "sexagesimal": "at: 12:30\n",
    "underscores": "count: 1_000\n",
    "nan": "scale: .nan\n",
    "too large": "scale: 1e999\n",
    "comment only": "# nothing here\n",
    "empty": "",
    "tab": "a:\n\tb: 1\n",
    "two documents": "a: 1\n---\nb: 2\n",
    "not UTF-8": b"a: \xff\n",
    "deep": "[" * 40 + "]" * 40,
    "complex key": "? [a, b]\n: 1\n",
}


@pytest.mark.parametrize("text", TRAPS.values(), ids=TRAPS)
def test_trap_is_refused_with_file_and_line(text: str | bytes) -> None:
    with pytest.raises(NotUsable) as caught:
        parse(text, "my.yaml")
    assert str(caught.value).startswith("my.yaml:")


def test_plain_values_are_what_they_look_like() -> None:
    document = parse("a: 1\nb: -2.5\nc: 0x1F\nd: true\ne: null\nf: text here\ng: 'NO'\non: kept\nh: [1, {i: 2}]\n")
    assert document.data == {
        "a": 1, "b": -2.5, "c": 31, "d": True, "e": None, "f": "text here", "g": "NO", "on": "kept", "h": [1, {"i": 2}],
    }  # fmt: skip


def test_lines_are_known_for_every_place() -> None:
    document = parse("a:\n  - b: 1\n  - b: 2\n    c: 3\n")
    assert document.line(("a", 1, "c")) == 4
    assert document.line(("a", 1, "missing")) == 3
    assert document.line(("elsewhere",)) == 1


def test_second_key_names_the_first() -> None:
    with pytest.raises(NotUsable, match=r"x:3: b: the key 'b' is given twice \(first on line 2\)|x:3: the key 'b'"):
        parse("a: 1\nb: 2\nb: 3\n", "x")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nraise: > 75\nb: 2\n", r"x:2: .*\(a value that begins with > stands in quotes\)"),
        ("a: 1\nraise: >= 75\n", "a value that begins with > stands in quotes"),
        ("scope: {node: *}\n", r"a value that begins with \* stands in quotes"),
        ('a: 1\ntext：{zh: "高", en: "x"}\n', "： is a full-width sign"),
        ("a: 1\nb:\u3000x\nc: 2\n", "a wide or a hard one"),
        ("a:\n\u00a0 c: 2\n  d: 1\n", "a wide or a hard one"),
        ("a:\n\tb: 1\n", "indent with spaces"),
        ("a: {b: 1, c: 2\nd: 3\n", "did not find expected ',' or '}'$"),
    ],
)
def test_the_usual_slips_are_called_by_name(text: str, said: str) -> None:
    with pytest.raises(NotUsable, match=said):
        parse(text, "x")
