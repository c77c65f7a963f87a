"""Read the data of HTML pages that evaluation/page has written."""

import json
import re


def data_of(text):
    """Return the entries of a page. text: the page."""
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    return json.loads(data)
