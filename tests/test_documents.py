"""What documents point at is there: files behind links, headings, paths of code, modules, targets of make."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted(path for path in ROOT.rglob("*.md") if ".venv" not in path.parts)
ROOMS = "|".join(folder.parent.name for folder in ROOT.glob("*/__init__.py")) + "|deploy|docs|requirements"
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@cache
def prose(page: Path) -> str:
    return re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))


@cache
def headings(page: Path) -> set[str]:
    """Anchors as GitHub makes them."""
    words = re.findall(r"(?m)^#+ (.+)$", prose(page))
    return {re.sub(r"[^\w\- ]", "", word.lower()).replace(" ", "-") for word in words}


def broken_links(page: Path) -> Iterator[str]:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"\w+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in headings(target)):
            yield link


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


@each_page
def test_paths_of_code_exist(page: Path) -> None:
    named = re.findall(rf"`((?:{ROOMS})/[\w./*{{}},-]*)", page.read_text(encoding="utf-8"))
    assert [
        name for name in named if not list(ROOT.glob(name.rstrip("/.").replace("NAME", "*").replace("MAKER", "*")))
    ] == []


@each_page
def test_targets_of_make_exist(page: Path) -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    assert set(re.findall(r"(?:`|```\n)make ([a-z][a-z-]*)", page.read_text(encoding="utf-8"))) <= targets


@each_page
def test_what_is_said_of_a_command_stands_behind_a_hash(page: Path) -> None:
    """Who copied `sudo apt install ./lamppost.deb   no network needed` was told that there is no package named "no"."""
    blocks = re.findall(r"(?ms)^```\n(.*?)^```", page.read_text(encoding="utf-8"))
    lines = [line for block in blocks for line in block.splitlines()]
    commands = [line for line in lines if re.match(r"(?:sudo|make|lamppost|export|echo|journalctl) ", line)]
    assert [line for line in commands if re.search(r"\S  +[^#\s]", line.partition("#")[0])] == []


@each_page
def test_a_line_for_cron_names_its_program_by_the_whole_path(page: Path) -> None:
    """cron looks in /usr/bin and /bin alone: the nightly backup was `lamppost: not found`, which nobody reads."""
    lines = re.findall(r"(?m)^(?:[\d*/,-]+ ){5}root (.*)", page.read_text(encoding="utf-8"))
    assert [line for line in lines if re.match(r"lamppost\b", line)] == []


@each_page
def test_modules_to_run_exist(page: Path) -> None:
    named = re.findall(r"python -m ([a-z_.]+)", page.read_text(encoding="utf-8"))
    assert [name for name in named if name != "pytest" and find_spec(name.rstrip(".")) is None] == []


def test_every_room_of_the_code_is_named_on_the_page_about_it() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rooms = [path.parent.relative_to(ROOT) for path in ROOT.glob("[!.t]*/**/__init__.py")]
    assert [str(room) for room in rooms if f"`{room}/`" not in text and f"`{room.name}/`" not in text] == []


def test_every_picture_is_shown_by_a_page() -> None:
    shown = {(page.parent / link).resolve() for page in PAGES for link in re.findall(r"\]\(([^)\s]+)\)", prose(page))}
    pictures = [path for path in ROOT.glob("[!.]*/**/*.png") if "build" not in path.parts]
    assert [str(path.relative_to(ROOT)) for path in pictures if path not in shown] == []
