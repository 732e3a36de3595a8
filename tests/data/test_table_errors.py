"""Every way a table can be wrong, and the one line that says where."""

import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from recurra.data import read_sequences
from recurra.errors import DataError

HEAD = "id,time,x,y\n"
NAME_THEM = "Correct it, or name the columns to use with features=."


def complaint(tmp_path, monkeypatch, name, content, **options):
    """The error's text; the file goes by its name alone, so that it is the same everywhere."""
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataError) as caught:
        read_sequences(name, **{"target": "y", **options})
    assert "\n" not in str(caught.value)
    return str(caught.value)


CSV = {
    "a word among the numbers": (
        HEAD + "a,0,1,p\na,1,abc,p\nb,0,2,q\n",
        f"t.csv, line 3, column 'x': 'abc' is not a number. {NAME_THEM}",
    ),
    "an empty cell": (
        HEAD + "a,0,1,p\na,1,,p\nb,0,2,q\n",
        f"t.csv, line 3, column 'x': the value is missing. {NAME_THEM}",
    ),
    "NaN": (
        HEAD + "a,0,1,p\na,1,NaN,p\nb,0,2,q\n",
        f"t.csv, line 3, column 'x': 'NaN' is not a finite number. {NAME_THEM}",
    ),
    "infinity": (
        HEAD + "a,0,1,p\na,1,2,p\nb,0,-inf,q\n",
        f"t.csv, line 4, column 'x': '-inf' is not a finite number. {NAME_THEM}",
    ),
    "too large for 32 bits": (
        HEAD + "a,0,1e300,p\n",
        f"t.csv, line 2, column 'x': '1e300' does not fit a 32-bit float. {NAME_THEM}",
    ),
    "after blank lines": (
        "\n\n" + HEAD + "\na,0,1,p\n\n\na,1,abc,p\n",
        f"t.csv, line 8, column 'x': 'abc' is not a number. {NAME_THEM}",
    ),
    "after a quoted line break": (
        HEAD + '"a\nb\r\nc",0,1,p\na,1,abc,p\n',
        f"t.csv, line 5, column 'x': 'abc' is not a number. {NAME_THEM}",
    ),
    "after Windows line ends": (
        HEAD + "a,0,1,p\r\n\r\na,1,abc,p\r\n",
        f"t.csv, line 4, column 'x': 'abc' is not a number. {NAME_THEM}",
    ),
    "too few cells": (
        HEAD + "a,0,1,p\na,1,3\n",
        "t.csv, line 3: column 'y' has no value. The line has 3 cells, the header has 4.",
    ),
    "too many cells": (
        HEAD + "a,0,1,p\na,1,3,4,5\n",
        "t.csv, line 3: '5' after column 'y' is one too many. "
        "The line has 5 cells, the header has 4.",
    ),
    "an open quote": (
        HEAD + 'a,0,1,p\na,1,"3,4\nb,0,2,q\n',
        "t.csv, line 3: column 'y' has no value. The line has 3 cells, the header has 4. "
        "Is a quote left open?",
    ),
    "an open quote before much text": (
        HEAD + 'a,0,"1,p\n' + "b,0,2,q\n" * 20_000,
        "t.csv, line 2: field larger than field limit (131072). Is a quote left open?",
    ),
    "the same time twice": (
        HEAD + "a,0,1,p\nb,0,3,q\na,0,3,p\n",
        "t.csv, line 4, column 'time': time '0' of sequence 'a' was already in line 2. "
        "Remove one of them.",
    ),
    "the same time twice without sequences": (
        "time,x,y\n0,1,p\n1,1,p\n1,1,q\n",
        "t.csv, line 4, column 'time': time '1' was already in line 3. "
        "If the file holds several sequences, name their column: sequence=.",
    ),
    "no sequence": (
        HEAD + "a,0,1,p\n,1,3,p\nb,0,2,q\n",
        "t.csv, line 3, column 'id': the value is missing.",
    ),
    "no target": (
        HEAD + "a,0,1,p\na,1,3,\nb,0,2,q\n",
        "t.csv, line 3, column 'y': the value is missing.",
    ),
    "no time": (
        HEAD + "a,0,1,p\na,,3,q\n",
        "t.csv, line 3, column 'time': the value is missing.",
    ),
    "a word for a time": (
        HEAD + "a,0,1,p\na,noon,3,p\nb,0,2,q\n",
        "t.csv, line 3, column 'time': 'noon' is not a number.",
    ),
    "a word for a date": (
        HEAD + "a,2024-01-01T00:00:00,1,p\na,noon,3,p\nb,2024-01-02T00:00:00,2,q\n",
        "t.csv, line 3, column 'time': 'noon' is neither a number nor a date. "
        "Dates are like 2024-05-01T12:30:00, all with a zone or all without.",
    ),
    "an infinite time": (
        HEAD + "a,0,1,p\na,inf,3,p\n",
        "t.csv, line 3, column 'time': 'inf' is neither a finite number nor a date.",
    ),
    "a word among the targets": (
        HEAD + "a,0,1,.5\na,1,3,1.5\nb,0,2,oops\n",
        "t.csv, line 4, column 'y': 'oops' is not a number. "
        "If the target is a class, say so with kind=.",
    ),
    "one class": (
        HEAD + "a,0,1,p\na,1,3,p\nb,0,2,p\n",
        "t.csv, column 'y': every row has the class 'p', wanted two classes or more.",
    ),
    "two columns of one name": (
        "id,time,x,x,y\na,0,1,1,p\n",
        "t.csv, line 1, column 'x': two columns have this name. Rename one.",
    ),
    "nothing": ("", "t.csv: the file is empty."),
    "blank lines": ("\n \n", "t.csv: the file is empty."),
    "a header alone": (HEAD, "t.csv: there are no rows, only the names of the columns."),
    "no column of numbers": (
        "id,word,y\na,hm,p\nb,oh,q\n",
        "t.csv: no column of numbers is left for the features. Left out: word (text).",
    ),
    "Latin-1 in a cell": (
        HEAD.encode() + b"a,0,1,p\na,0,1,caf\xe9\n",
        "t.csv, line 3, column 'y': byte 0xe9 is not UTF-8. Save the file as UTF-8.",
    ),
    "Latin-1 in the sequence": (
        HEAD.encode() + b"a,0,1,p\n\xe9,0,1,p\n",
        "t.csv, line 3, column 'id': byte 0xe9 is not UTF-8. Save the file as UTF-8.",
    ),
    "Latin-1 in the header": (
        b"id,caf\xe9,y\na,1,p\n",
        "t.csv, line 1: byte 0xe9 is not UTF-8. Save the file as UTF-8.",
    ),
    "UTF-16": (HEAD.encode("utf-16"), "t.csv: the file is text in UTF-16; save it as UTF-8."),
    "zero bytes": (
        b"id,x\n\x00\x01\xff\x02\n",
        "t.csv, line 2: the file is binary, wanted UTF-8 text.",
    ),
    "a Parquet file": (b"PAR1\x15\x04", "t.csv: the file is a Parquet file; name it .parquet."),
    "a spreadsheet": (
        b"PK\x03\x04\x14",
        "t.csv: the file is a zip archive or a spreadsheet; save the sheet as CSV.",
    ),
    "semicolons": (
        "x;y\n1;2\n",
        "t.csv, line 1: there is no column 'y'. There are: x;y. "
        "Separate values with commas, not semicolons.",
    ),
    "a line break in the header": (
        'x,"a\nb"\n1,2\n',
        "t.csv, line 1: there is no column 'y'. There are: x, 'a\\nb'.",
    ),
    "no header": (
        "1,2\n3,4\n",
        "t.csv, line 1: there is no column 'y'. There are: 1, 2. "
        "The first line must name the columns.",
    ),
}


@pytest.mark.parametrize(("content", "message"), CSV.values(), ids=CSV)
def test_a_wrong_csv_file_is_refused_with(tmp_path, monkeypatch, content, message):
    assert complaint(tmp_path, monkeypatch, "t.csv", content) == message


@pytest.mark.parametrize("row", [1, 2, 777, 29_999, 30_000])
def test_the_line_is_right_far_into_a_file_with_blank_lines_and_breaks(tmp_path, monkeypatch, row):
    lines = [f"{n % 50},{n},{n / 2},{n % 3}" for n in range(1, 30_001)]
    lines[4] = '"a\nb",0,1,1'
    lines[9] += "\n"
    lines[row - 1] = "1,-1,oops,1"
    text = HEAD + "\n".join(lines) + "\n"
    message = complaint(tmp_path, monkeypatch, "t.csv", text)
    line = text[: text.index("oops")].count("\n") + 1
    assert message == f"t.csv, line {line}, column 'x': 'oops' is not a number. {NAME_THEM}"


JSONL = {
    "a word among the numbers": (
        '{"x":1,"y":"a"}\n\n{"x":"b","y":"a"}\n',
        "t.jsonl, line 3, column 'x': '\"b\"' is text, line 1 has a number.",
    ),
    "words for numbers": (
        '{"x":"1","y":"a"}\n{"x":"2","y":"a"}\n',
        "t.jsonl: no column of numbers is left for the features. Left out: x (text).",
    ),
    "a missing key": (
        '{"x":1,"y":"a"}\n\n{"y":"b"}\n',
        f"t.jsonl, line 3, column 'x': the value is missing. {NAME_THEM}",
    ),
    "null": (
        '{"x":1,"y":"a"}\n{"x":null,"y":"b"}\n',
        f"t.jsonl, line 2, column 'x': the value is missing. {NAME_THEM}",
    ),
    "NaN": (
        '{"x":1,"y":"a"}\n{"x":NaN,"y":"b"}\n',
        f"t.jsonl, line 2, column 'x': 'NaN' is not a finite number. {NAME_THEM}",
    ),
    "a number beyond 64 bits": (
        '{"x":1,"y":"a"}\n{"x":1e400,"y":"b"}\n',
        "t.jsonl, line 2, column 'x': the number is too large.",
    ),
    "a line cut short": (
        '{"x":1,"y":"a"}\n{"x":2,"y":"a"\n',
        "t.jsonl, line 2: broken JSON at character 16: Expecting ',' delimiter. "
        "Wanted one object a line.",
    ),
    "two objects in a line": (
        '{"x":1,"y":"a"} {"x":2,"y":"b"}\n',
        "t.jsonl, line 1: broken JSON at character 17: Extra data. Wanted one object a line.",
    ),
    "an object over two lines": (
        '{"x":1,"y":"b"}\n{"x":1,\n"y":"a"}\n',
        "t.jsonl, line 2: broken JSON at character 9: Expecting property name enclosed in double "
        "quotes. Wanted one object a line.",
    ),
    "a list": ('{"x":1,"y":"a"}\n[1,2]\n', "t.jsonl, line 2: a list, wanted an object."),
    "a key twice": (
        '{"x":1,"y":"a"}\n{"x":1,"x":2,"y":"a"}\n',
        "t.jsonl, line 2, column 'x': given twice.",
    ),
    "Latin-1": (
        b'{"x":1,"y":"a"}\n{"x":1,"y":"\xe9"}\n',
        "t.jsonl, line 2: byte 0xe9 is not UTF-8. Save the file as UTF-8.",
    ),
    "endless nesting": ('{"a":' * 5000, "t.jsonl, line 1: nested too deeply."),
    "nothing": ("", "t.jsonl: the file is empty."),
    "one class": (
        '{"x":1,"y":true}\n{"x":2,"y":true}\n',
        "t.jsonl, column 'y': every row has the class 'true', wanted two classes or more.",
    ),
}


@pytest.mark.parametrize(("content", "message"), JSONL.values(), ids=JSONL)
def test_a_wrong_json_lines_file_is_refused_with(tmp_path, monkeypatch, content, message):
    assert complaint(tmp_path, monkeypatch, "t.jsonl", content) == message


OPTIONS = {
    "an unknown column": (
        {"time": "Tme"},
        "t.csv, line 1: there is no column 'Tme'. Did you mean 'time'? There are: id, time, x, y.",
    ),
    "an unknown feature": (
        {"features": ["x", "speed"]},
        "t.csv, line 1: there is no column 'speed'. There are: id, time, x, y.",
    ),
    "the target as a feature": (
        {"features": ["x", "y"]},
        "t.csv, column 'y': given as target= and in features=. "
        "A target among the features would give the answer away.",
    ),
    "a feature twice": ({"features": ["x", "x"]}, "t.csv, column 'x': named twice in features=."),
    "one column for two parts": (
        {"sequence": "time", "time": "time"},
        "t.csv, column 'time': given as sequence= and in time=.",
    ),
    "no features": (
        {"features": []},
        "t.csv: features= is empty. Leave it out to use all numbers.",
    ),
    "a feature of text": (
        {"features": ["y"], "target": "x"},
        f"t.csv, line 2, column 'y': 'p' is not a number. {NAME_THEM}",
    ),
    "a class for each sequence that is none": (
        {"kind": "classify_sequences"},
        "t.csv, line 3, column 'y': the target changes from 'p' (line 2) to 'q' inside a sequence. "
        "For a target at every step choose another kind=.",
    ),
    "numbers that are words": (
        {"kind": "regress_steps"},
        "t.csv, line 2, column 'y': 'p' is not a number. "
        "If the target is a class, say so with kind=.",
    ),
}


@pytest.mark.parametrize(("options", "message"), OPTIONS.values(), ids=OPTIONS)
def test_wrong_options_are_refused_with(tmp_path, monkeypatch, options, message):
    content = HEAD + "a,0,1,p\na,1,2,q\n"
    assert complaint(tmp_path, monkeypatch, "t.csv", content, **options) == message


FILES = {
    "a missing file": ("no.csv", None, "no.csv: there is no such file."),
    "a folder": (".", None, ".: not a file."),
    "another ending": (
        "t.xlsx",
        "x",
        "t.xlsx: unknown ending '.xlsx', wanted one of "
        ".csv, .csv.gz, .jsonl, .jsonl.gz, .ndjson, .parquet, .arrow, .feather.",
    ),
    "an archive that is none": (
        "t.csv.gz",
        "x\n",
        "t.csv.gz: not a whole gzip file (Not a gzipped file (b'x\\n')).",
    ),
    "an empty Parquet file": ("t.parquet", "", "t.parquet: the file is empty."),
}


@pytest.mark.parametrize(("name", "content", "message"), FILES.values(), ids=FILES)
def test_a_wrong_file_is_refused_with(tmp_path, monkeypatch, name, content, message):
    assert complaint(tmp_path, monkeypatch, name, content) == message


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.feather", "t.csv.gz"])
def test_garbage_and_a_file_cut_short_are_refused(tmp_path, monkeypatch, name):
    table = pa.table({"x": np.arange(1000.0), "y": ["p", "q"] * 500})
    whole = tmp_path / "whole"
    if name == "t.parquet":
        pa.parquet.write_table(table, whole)
    elif name == "t.csv.gz":
        whole.write_bytes(gzip.compress(b"x,y\n" + b"1,p\n2,q\n" * 500))
    else:
        with pa.OSFile(str(whole), "wb") as file, pa.ipc.new_file(file, table.schema) as out:
            out.write_table(table)
    data = whole.read_bytes()
    what = {"t.parquet": "Parquet", "t.csv.gz": "gzip"}.get(name, "Arrow")
    garbage = np.random.default_rng(0).bytes(5000)
    for content in (data[: len(data) // 2], data[:-3], garbage, b"x,y\n1,2\n"):
        message = complaint(tmp_path, monkeypatch, name, content)
        assert message.startswith(f"{name}: not a whole {what} file (")


def test_parquet_files_have_rows_and_no_lines(tmp_path, monkeypatch):
    table = pa.table({"x": [1.0, None, 2.0], "w": [1.0, 2.0, float("nan")], "y": ["p", "q", "p"]})
    pa.parquet.write_table(table, tmp_path / "t.parquet")
    message = complaint(tmp_path, monkeypatch, "t.parquet", None, features=["x"])
    assert message == f"t.parquet, row 2, column 'x': the value is missing. {NAME_THEM}"
    message = complaint(tmp_path, monkeypatch, "t.parquet", None, features=["w"])
    assert message == f"t.parquet, row 3, column 'w': 'nan' is not a finite number. {NAME_THEM}"
    message = complaint(tmp_path, monkeypatch, "t.parquet", None, features=["y"], target="x")
    assert message == f"t.parquet, row 1, column 'y': 'p' is text, not a number. {NAME_THEM}"


def test_two_columns_of_one_name_are_refused_in_arrow_too(tmp_path, monkeypatch):
    table = pa.Table.from_arrays([pa.array([1.0]), pa.array([1.0])], names=["x", "x"])
    path = str(tmp_path / "t.arrow")
    with pa.OSFile(path, "wb") as file, pa.ipc.new_stream(file, table.schema) as out:
        out.write_table(table)
    message = complaint(tmp_path, monkeypatch, "t.arrow", None)
    assert message == "t.arrow, column 'x': two columns have this name. Rename one."
