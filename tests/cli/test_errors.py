"""One line and the right exit code, whatever goes wrong."""

import pytest
import typer
from typer.testing import CliRunner

from recurra.cli.errors import in_options, one_line_errors
from recurra.errors import DataError


def ending_with(error):
    def command() -> None:
        raise error

    app = typer.Typer()
    app.command()(one_line_errors(command))
    return CliRunner().invoke(app, [])


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (DataError("two\nlines   here."), 2, "two lines here."),
        (FileNotFoundError(2, "No such file", "m.recurra"), 2, "m.recurra: there is no such file."),
        (PermissionError(13, "Permission denied", "m"), 2, "m: permission denied."),
        (OSError("m is a pipe."), 2, "m is a pipe."),
        (KeyboardInterrupt(), 130, "interrupted"),
        (
            ModuleNotFoundError("No module named 'sklearn'", name="sklearn.base"),
            2,
            'sklearn is not installed. Install it with: pip install "recurra[train]"',
        ),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory"),
            2,
            "there is not enough memory for this. Try fewer units or shorter sequences.",
        ),
    ],
)
def test_each_error_is_one_line_and_has_its_code(error, code, line):
    done = ending_with(error)

    assert (done.exit_code, done.stdout, done.stderr) == (code, "", f"recurra: {line}\n")


@pytest.mark.parametrize(
    "fault",
    [
        RuntimeError("a tensor has the wrong shape"),
        ModuleNotFoundError("No module named 'recurra.clay'", name="recurra.clay"),
    ],
)
def test_a_fault_of_our_own_is_not_hidden(fault):
    assert ending_with(fault).exception is fault


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("name it: sequence=.", "name it: --sequence."),
        ("another kind=.", "another --kind."),
        ("key= needs a header", "--key needs a header"),
        ("column 'time=': bad", "column 'time=': bad"),
        ("load(path, cells=(A,))", "load(path, cells=(A,))"),
        ("GRU(features=3)", "GRU(features=3)"),
    ],
)
def test_arguments_are_named_as_the_options_they_are(message, wanted):
    assert in_options(message) == wanted


def test_a_wrong_option_and_no_command_end_with_2(recurra):
    assert recurra("stream", "m.recurra", "--nonsense").code == 2
    assert recurra("train", "t.csv", "--hidden", "0").code == 2
    assert recurra("nonsense").code == 2
