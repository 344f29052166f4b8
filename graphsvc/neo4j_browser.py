"""What Neo4j Browser can load of this project: a guide, statements to save and a style, all in ``cypher/browser/``."""

from __future__ import annotations

import html
import re
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


def guide_html() -> str:
    """The guide as Neo4j Browser 5 wants it: HTML slides. What it knows of AsciiDoc is what the guide uses."""
    title, *steps = re.split(r"^== ", guide().read_text(encoding="utf-8"), flags=re.MULTILINE)
    slides = "".join(map(_slide, steps))
    name = html.escape(title.splitlines()[0].removeprefix("= "))
    deck = f'<carousel class="deck container-fluid">{slides}</carousel>'
    return f'<article class="guide" title="{name}">{deck}</article>\n'


def _slide(step: str) -> str:
    heading, _, text = step.partition("\n")
    parts = re.split(r"^\[source,cypher\]\n----\n(.*?)\n----$", text, flags=re.MULTILINE | re.DOTALL)
    body = "".join(
        f'<figure><pre class="pre-scrollable code runnable">{html.escape(part)}</pre></figure>'
        if place % 2
        else "".join(f"<p>{_inline(paragraph)}</p>" for paragraph in part.split("\n\n") if paragraph.strip())
        for place, part in enumerate(parts)
    )
    return f'<slide class="row-fluid"><div class="col-sm-12"><h3>{html.escape(heading)}</h3>{body}</div></slide>\n'


def _inline(text: str) -> str:
    escaped = html.escape(text.strip(), quote=False)
    return re.sub(r"\b_(.+?)_\b", r"<em>\1</em>", re.sub(r"`(.+?)`", r"<code>\1</code>", escaped))


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
  In Neo4j Browser 5, which comes with Neo4j 5, it is
      :guide http://{HOST}:{port}/guide.html
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

    def do_GET(self) -> None:
        """Give a file; the guide also in the form for Neo4j Browser 5."""
        if self.path != "/guide.html":
            super().do_GET()
            return
        body = guide_html().encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_OPTIONS(self) -> None:
        """Answer the question that a browser asks first: Neo4j Browser sends headers of its own."""
        self.send_response(204)
        self.send_header("Access-Control-Allow-Methods", "GET")
        self.send_header("Access-Control-Allow-Headers", "*")
        self.end_headers()

    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")  # the files are this project's, and hold no data
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def server(port: int) -> ThreadingHTTPServer:
    """A server of ``cypher/browser/`` on this machine's loopback; 0 for any free port."""
    return ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, directory=str(guide().parent)))
