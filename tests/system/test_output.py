"""Check that control characters of outside text are escaped."""

import pytest

from numpy_sat.system import cli, output
from numpy_sat.system.errors import InputError

ATTACK = "a\x1b]0;owned\x07\x1b[2J\r\x9b1m\u202eb"
ESCAPED = r"a\x1b]0;owned\x07\x1b[2J\r\x9b1m\u202eb"


def test_control_characters_are_escaped_and_letters_are_kept():
    assert output.printable(ATTACK) == ESCAPED
    assert output.printable("a\nb\tc") == r"a\nb\tc"
    assert output.printable("r\udcff") == r"r\udcff"
    assert output.printable("café 狗 नमस्ते 🐕") == "café 狗 नमस्ते 🐕"


def test_lines_are_kept_where_the_program_writes_several(capsys):
    output.show(f"first\n\tsecond {ATTACK}")
    assert capsys.readouterr().out == f"first\n\tsecond {ESCAPED}\n"


def test_errors_of_commands_are_escaped(capsys):
    def fail():
        raise InputError(f"{ATTACK}\nfake line")

    assert cli.run(fail) == 2
    assert capsys.readouterr().err == f"error: {ESCAPED}\\nfake line\n"


def test_errors_about_arguments_are_escaped(capsys):
    with pytest.raises(SystemExit):
        cli.Parser(prog="command").parse_args([ATTACK])
    assert capsys.readouterr().err.endswith(f"unrecognized arguments: {ESCAPED}\n")


@pytest.mark.parametrize("name", ["loop.npz", None])
def test_any_error_of_the_system_gives_a_sentence(capsys, name):
    """Check errors that no module expects, such as too many open files and loops of links."""

    def fail():
        raise OSError(24, "Too many open files", name)

    assert cli.run(fail) == 2
    expected = f"error: {name or 'a file'}: cannot be used (Too many open files); correct its path, or the limit"
    assert capsys.readouterr().err.startswith(expected)


def test_a_file_without_permission_is_named(capsys):
    def fail():
        raise PermissionError(13, "Permission denied", "secret.npz")

    assert cli.run(fail) == 2
    assert capsys.readouterr().err == "error: secret.npz: no permission to use it; change its permissions.\n"
