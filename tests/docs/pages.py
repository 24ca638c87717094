"""Content of the pages: fenced blocks, with the directive before them, and the commands in a console block.

A directive is an HTML comment, invisible to readers:

- `<!-- not run: REASON -->`: the block is only checked for being well-formed
- `<!-- exits 0 or 4: REASON -->`: how its `run`, `compare`, `capacity`, `plan`, `fleet` may end, instead of 0, 3 or 4
- `<!-- file: NAME -->`: the reader saves the block as that file
- `<!-- adds to: NAME -->`: the reader adds the block to that file

A page that begins with `<!-- begins in an empty directory -->` has no project to begin with.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

from perfgate.errors import ExitCode

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

_DIRECTIVE = re.compile(r"<!--\s*(not run|exits|file|adds to):?\s*(.*?)\s*-->\s*", re.DOTALL)
_GATES = ("perfgate run ", "perfgate compare ", "perfgate capacity ", "perfgate plan ", "perfgate fleet")
_VERDICTS = frozenset({ExitCode.PASS, ExitCode.FAIL, ExitCode.INCONCLUSIVE})


@dataclass(frozen=True, slots=True)
class Command:
    """One line that a reader types, and its allowed exit codes."""

    line: str
    exits: frozenset[int]

    @property
    def words(self) -> tuple[str, ...]:
        """Split like a shell."""
        return tuple(shlex.split(self.line, comments=True))


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    page: Path
    line: int
    language: str
    text: str
    not_run: str = ""
    """Why it cannot run; empty if it can."""
    exits: frozenset[int] = frozenset()
    file: str = ""
    """Name of the file that it becomes."""
    adds_to: str = ""
    """Name of the file to which it is appended."""

    @property
    def where(self) -> str:
        """Return its location in editors' format."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def commands(self) -> Iterator[Command]:
        """Yield the lines after `$ `, with continued ones joined."""
        text = self.text.replace("\\\n", " ")
        for line in re.findall(r"^\$ (.*)$", text, re.MULTILINE):
            gates = line.startswith(_GATES)
            yield Command(line, (self.exits or _VERDICTS) if gates else frozenset({ExitCode.PASS}))


def begins_empty(page: Path) -> bool:
    """Return whether the page's commands begin in an empty directory."""
    return page.read_text(encoding="utf-8").startswith("<!-- begins in an empty directory -->")


def blocks(page: Path) -> tuple[Block, ...]:
    """Read a page's fenced blocks in order."""
    tokens = MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8"))
    found, said = [], {}
    for token in tokens:
        if token.type == "html_block" and (match := _DIRECTIVE.fullmatch(token.content)):
            said[match[1]] = match[2]
        elif token.type == "fence" and token.map:
            exits = re.match(r"[\d or,]+", said.get("exits", ""))
            codes = frozenset(map(int, re.findall(r"\d+", exits[0]))) if exits else frozenset()
            found.append(
                Block(
                    page=page,
                    line=token.map[0] + 1,
                    language=token.info.strip(),
                    text=token.content,
                    not_run=said.get("not run", ""),
                    exits=codes,
                    file=said.get("file", ""),
                    adds_to=said.get("adds to", ""),
                )
            )
        if token.type != "html_block":
            said = {}
    return tuple(found)


ALL = tuple(block for page in PAGES for block in blocks(page))
