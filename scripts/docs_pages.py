"""A hook of mkdocs: pages from elsewhere in the repository are pages of the site too, with links that fit there."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

REPO = Path(__file__).resolve().parents[1]
ELSEWHERE = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "benchmarks/results.md": "results.md"}
"""Pages outside docs/, and what they are called on the site."""

LINK = re.compile(r"(\]\()([^)\s#:]+)([^)\s]*\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from elsewhere."""
    from mkdocs.structure.files import File

    for source, uri in ELSEWHERE.items():
        files.append(File.generated(config, uri, abs_src_path=str(REPO / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links between files of the repository into links between pages of the site."""
    return relinked(markdown, page.file.src_uri)


def relinked(markdown: str, uri: str) -> str:
    """The text of page `uri` of the site, its relative links resolved in the repository and set anew on the site."""
    source = next((path for path, name in ELSEWHERE.items() if name == uri), f"docs/{uri}")

    def moved(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[2]))
        on_site = ELSEWHERE.get(target, target.removeprefix("docs/"))
        return link[1] + posixpath.relpath(on_site, posixpath.dirname(uri) or ".") + link[3]

    return LINK.sub(moved, markdown)
