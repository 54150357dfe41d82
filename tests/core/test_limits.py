"""Limits of packed files and of texts: each names itself, within two seconds and little memory."""

import bz2
import gzip
import io
import json
import time
import zipfile

import pytest

from analognas.core import InvalidArgumentError, TableIntegrityError, limits
from analognas.core.limits import (
    DEEPEST_JSON,
    LARGEST_REQUEST,
    LONGEST_SHOWN,
    LimitedReader,
    bunzip,
    gunzip,
    parse_json,
    read_all,
    read_bytes,
    read_zip_members,
    shown,
    size_text,
)


def test_gunzip_returns_all_members():
    assert gunzip(gzip.compress(b"ab") + gzip.compress(b"c"), where="x") == b"abc"


def test_what_unpacks_to_more_than_the_limit_is_an_error_that_names_it():
    bomb = gzip.compress(bytes(2 << 20))
    assert len(gunzip(bomb, where="x", limit=2 << 20)) == 2 << 20
    with pytest.raises(
        TableIntegrityError, match=r"'a\.gz' unpacks to more; the limit is 1\.5 MiB"
    ):
        gunzip(bomb, where="'a.gz'", limit=3 << 19)


def test_every_flipped_byte_of_content_is_found():
    packed = bytearray(gzip.compress(bytes(range(256)) * 4))
    for place in range(10, len(packed)):
        packed[place] ^= 4
        with pytest.raises(TableIntegrityError, match="damaged"):
            gunzip(bytes(packed), where="x")
        packed[place] ^= 4


def test_bunzip():
    packed = bz2.compress(bytes(1 << 20))
    assert bunzip(packed, where="x") == bytes(1 << 20)
    for damaged in (packed[:-1], b"plain", packed[:20] + b"0" + packed[21:]):
        with pytest.raises(TableIntegrityError, match="x is damaged or truncated"):
            bunzip(damaged, where="x")
    with pytest.raises(TableIntegrityError, match="x unpacks to more; the limit is 512 KiB"):
        bunzip(packed, where="x", limit=1 << 19)


def test_what_never_ends_is_not_read_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "LARGEST_CONTENT", 1 << 20)
    with pytest.raises(TableIntegrityError, match="'/dev/zero' does not end after 1 MiB"):
        read_bytes("/dev/zero")
    (tmp_path / "a").write_bytes(bytes(2 << 20))  # a file is as large as it is
    assert len(read_bytes(tmp_path / "a")) == 2 << 20


@pytest.mark.parametrize("name", ["absent", ".", "a\0b"])
def test_what_cannot_be_read_is_one_error_of_the_class_that_is_asked_for(tmp_path, name):
    with pytest.raises(InvalidArgumentError, match=r"Cannot read .*\. Get it\.$"):
        read_bytes(f"{tmp_path}/{name}", error=InvalidArgumentError, advice="Get it.")


@pytest.mark.parametrize("data", [b"\x1f", b"plain", gzip.compress(b"abc", mtime=0)[:-3]])
def test_truncated_and_foreign_files(data):
    with pytest.raises(TableIntegrityError, match="damaged or truncated"):
        gunzip(data, where="x")


def test_a_reader_refuses_requests_and_positions_beyond_reason():
    reader = LimitedReader(io.BytesIO(b"abcdef"), 6, "x")
    assert (reader.read(2), reader.seek(4), reader.read(), reader.tell()) == (b"ab", 4, b"ef", 6)
    with pytest.raises(TableIntegrityError, match="header of 1,048,577 bytes; the limit is 1 MiB"):
        reader.read(LARGEST_REQUEST + 1)
    with pytest.raises(TableIntegrityError, match="limit is 6 bytes"):
        reader.seek(7)
    with pytest.raises(TableIntegrityError, match="limit is 5 bytes"):
        read_all(io.BytesIO(b"abcdef"), limit=5, where="x")


def zipped(method, data, **declared):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as file:
        file.writestr("a", data)
    file = zipfile.ZipFile(stream)
    info = file.getinfo("a")
    for key, value in declared.items():
        setattr(info, key, value)
    return file, {"x": info}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_members_of_zip_files(method):
    file, members = zipped(method, b"abc" * 5000)
    assert read_zip_members(file, members, where="z") == {"x": b"abc" * 5000}
    with pytest.raises(
        TableIntegrityError, match=r"z unpacks to 14\.65 KiB; the limit is 100 bytes"
    ):
        read_zip_members(file, members, where="z", limit=100)


def test_zip_members_whose_steps_cannot_be_bounded():
    file, members = zipped(zipfile.ZIP_BZIP2, bytes(1 << 20))
    with pytest.raises(
        TableIntegrityError, match=r"'a' is packed by method 12; pack it by deflate"
    ):
        read_zip_members(file, members, where="z")


def nested(depth):
    return "[" * depth + "]" * depth


def test_json_is_read_up_to_a_depth():
    parse_json(nested(DEEPEST_JSON), where="x")
    for text in (nested(DEEPEST_JSON + 1), '{"a":' * 10**5, "[" * 10**6):
        with pytest.raises(TableIntegrityError, match=f"limit is {DEEPEST_JSON}"):
            parse_json(text, where="x")


def test_brackets_inside_texts_do_not_count():
    payload = {"a": "[" * 500 + '\\"' + "{" * 500, "b": ["]"] * 200}
    assert parse_json(json.dumps(payload), where="x") == payload


@pytest.mark.parametrize("text", ['"' + '\\"' * 10**5, '"' + '\\"' * 10**5 + "\\"])
def test_the_depth_of_an_unclosed_text_takes_linear_time(text):
    start = time.perf_counter()
    with pytest.raises(TableIntegrityError):
        parse_json("[0," + "[]," * 100 + text, where="x")
    assert time.perf_counter() - start < 2


def test_a_key_twice_is_an_error_of_the_class_that_is_asked_for():
    with pytest.raises(InvalidArgumentError, match="'a' is in one mapping twice"):
        parse_json('{"b": {"a": 1, "a": 2}}', where="best.json", error=InvalidArgumentError)
    assert parse_json('{"a": 1, "a": 2}', where="x", unique=False) == {"a": 2}


@pytest.mark.parametrize("text", ["", "{", b"\xff{}", "1" * 5000])
def test_no_json_is_one_short_error(text):
    with pytest.raises(TableIntegrityError, match=r"^'f' is not sound JSON") as caught:
        parse_json(text, where="'f'")
    assert len(str(caught.value)) < 300


def test_foreign_texts_are_cut():
    assert shown("a\nb") == "a b"
    assert shown("x" * 10**6) == "x" * LONGEST_SHOWN + "… (1,000,000 characters)"
    assert [size_text(n) for n in (1, 1536, 7 << 30)] == ["1 bytes", "1.5 KiB", "7 GiB"]
