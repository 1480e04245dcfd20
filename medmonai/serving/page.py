"""The page of the service: one file, without anything from elsewhere."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from medmonai.report import policy_hash


@lru_cache(maxsize=1)
def page() -> str:
    """Return the page."""
    return (Path(__file__).parent / "page.html").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def content_security() -> str:
    """Return the policy under which a browser shows the page: its own script and style, by their
    digests, and pictures that the service sent.
    """
    digests = {
        kind: " ".join(
            f"'{policy_hash(text)}'"
            for text in re.findall(rf"<{kind}>(.*?)</{kind}>", page(), re.S)
        )
        for kind in ("script", "style")
    }
    return (
        f"default-src 'none'; script-src {digests['script']}; style-src {digests['style']}; "
        "img-src data:; connect-src 'self'; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
