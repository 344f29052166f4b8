"""What Neo4j Browser can load of this project: a guide, statements to save and a style, all in ``cypher/browser/``."""

from __future__ import annotations

import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .stores.statements import folder

#: Where Neo4j Browser may fetch guides from unless it is told otherwise (``browser.remote_content_hostname_whitelist``,
#: whose default names this host).
HOST = "localhost"


def guide() -> Path:
    """The guide (AsciiDoc)."""
    return folder() / "browser" / "guide.adoc"


def style() -> Path:
    """The graph style sheet (GraSS)."""
    return folder() / "browser" / "style.grass"


def saved() -> list[Path]:
    """The statements to save, one file each; the first comment line is the title that Neo4j Browser shows."""
    return sorted((folder() / "browser" / "saved").glob("*.cypher"))


def write_zip(file: Path) -> None:
    """All statements to save as one archive with one folder in it, as Neo4j Browser takes them."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in saved():
            archive.write(path, f"graphsvc/{path.name}")


def instructions(port: int) -> str:
    """How to load all three, with the paths of the installed files."""
    return f"""\
Guide, eight steps through the graph: {guide()}
  Neo4j Browser fetches guides over HTTP, from {HOST} without further settings. Keep this running beside it:
      graphsvc neo4j-setup --serve {port}
  and enter in Neo4j Browser:
      :guide http://{HOST}:{port}/{guide().name}
  To show it to everybody who connects, host the file (with CORS), name the host in neo4j.conf as
  browser.remote_content_hostname_whitelist, and set browser.post_connect_cmd=guide URL.

Saved statements, {len(saved())} common questions: {saved()[0].parent}
  Drop a file on Neo4j Browser 5 and choose "Save to favorites"; or all at once, as a zip:
      graphsvc neo4j-setup --zip saved.zip
  Where a newer Neo4j Browser offers no import, paste a statement and save it with the star.

Style: {style()}
  Drop the file on Neo4j Browser 5, or enter, while the guide is served:
      :style http://{HOST}:{port}/{style().name}
  A newer Neo4j Browser that does not take style files lets you set color, size and caption of a label in the panel
  beside a result."""


class _Handler(SimpleHTTPRequestHandler):
    """Files for a page of another origin: Neo4j Browser."""

    extensions_map = {  # noqa: RUF012 (the base class declares it so)
        **SimpleHTTPRequestHandler.extensions_map,
        **dict.fromkeys((".adoc", ".cypher", ".grass"), "text/plain; charset=utf-8"),
    }

    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")  # the files are this project's, and hold no data
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def server(port: int) -> ThreadingHTTPServer:
    """A server of ``cypher/browser/`` on this machine's loopback; 0 for any free port."""
    return ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, directory=str(guide().parent)))
