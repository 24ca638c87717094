"""Regenerate the reference pages and the JSON Schemas: `make docs`."""

from __future__ import annotations

from pathlib import Path

from docs.reference.make.pages import files

ROOT = Path(__file__).resolve().parents[3]


def main(root: Path = ROOT) -> None:
    """Write every file that differs from what the code generates."""
    for name, text in files().items():
        path = root / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {name}")


if __name__ == "__main__":
    main()
