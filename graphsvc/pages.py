"""What every picture and report can do: become a page, and be saved as one."""

from __future__ import annotations

from pathlib import Path


class Page:
    """Something that is shown as one HTML page."""

    def html(self) -> str:
        """The whole page."""
        raise NotImplementedError

    def save(self, path: str | Path) -> Path:
        """Write the page, as UTF-8, and return its path."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.html(), encoding="utf-8", newline="\n")
        return path
