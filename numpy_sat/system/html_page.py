"""An HTML page of one template with its style, script and data. The browser refuses everything else.

The page's policy allows its own style and script, and images that are part of it.
"""

import base64
import hashlib
import html
import json
from collections.abc import Mapping

from numpy_sat.system import output


def fill(
    template: str, title: str, style: str, script: str, pieces: Mapping[str, str], calls_server: bool = False
) -> str:
    """Return a page.

    Args:
        template: HTML with the names policy, title, style, script and those of `pieces` in braces.
        title: title of the page.
        style: text of the style element.
        script: text of the script element.
        pieces: {name: HTML to insert}.
        calls_server: True if the script may send requests to the page's own server.
    """
    policy = f"default-src 'none'; img-src data:; style-src {_digest(style)}; script-src {_digest(script)}"
    own = {
        "policy": policy + ("; connect-src 'self'" if calls_server else ""),
        "title": html.escape(output.printable(title)),
        "style": style,
        "script": script,
    }
    return insert(template, own | dict(pieces))


def insert(template: str, pieces: Mapping[str, str]) -> str:
    """Return a template with pieces in place of their names in braces."""
    # Split first: a piece may hold the name of another one in braces.
    head, *parts = template.replace("}", "{").split("{")
    return head + "".join(pieces[part] if k % 2 == 0 else part for k, part in enumerate(parts))


def script_data(data: object) -> str:
    """Return data as JSON that cannot end the script element around it."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _digest(code):
    """Return the source expression of a script or style for a content security policy."""
    sha256 = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode("ascii")
    return f"'sha256-{sha256}'"
