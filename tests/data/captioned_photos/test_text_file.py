"""Test the reading of text files. The sentences about unreadable files are tested in test_folder.py."""

import json
import os
from pathlib import Path

import pytest
from copies import write_text

from numpy_sat.data.captioned_photos import text_file
from numpy_sat.system.errors import InputError


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_on_any_system(tmp_path, end):
    write_text(tmp_path / "file", end.join(["\ufeffa dog", "a\u2028cat", ""]))
    assert text_file.read_lines(tmp_path / "file") == ["a dog", "a\u2028cat", ""]


def test_json_keeps_only_some_entries_in_memory(tmp_path):
    entries = [{"raw": "a dog", "tokens": ["a", "dog"]}, {"tokens": []}]
    write_text(tmp_path / "file", json.dumps({"images": entries, "info": {"raw": 1}}))
    assert text_file.read_json(tmp_path / "file", {"images", "raw"}) == {"images": [{"raw": "a dog"}, {}]}


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="nothing cannot be read"):
        text_file.read(tmp_path / "nothing")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    with pytest.raises(InputError, match=r"link cannot be read .*; correct the link"):
        text_file.read(tmp_path / "link")
    with pytest.raises(InputError, match="a pipe or a device, not a file"):
        text_file.read(Path(os.devnull))
