import gzip
import hashlib
import io
import tarfile
import time
import tracemalloc
import zipfile

import pytest

from analognas.core import TableIntegrityError
from analognas.data.archives import Archive, check_members, read_members

CONTENT = {"a.bin": b"first", "b.bin": bytes(5000)}
TAR, ZIP = Archive("x.tar.gz", "0" * 32, "inner"), Archive("x.zip", folder="inner")


def pack(folder, archive):
    for name, data in CONTENT.items():
        (folder / "inner").mkdir(exist_ok=True)
        (folder / "inner" / name).write_bytes(data)
    path = folder / archive.name
    if archive is ZIP:
        with zipfile.ZipFile(path, "w") as file:
            for name in CONTENT:
                file.write(folder / "inner" / name, f"inner/{name}")
    else:
        with tarfile.open(path, "w:gz") as file:
            file.add(folder / "inner", "inner")
    for name in CONTENT:
        (folder / "inner" / name).unlink()
    return path


@pytest.mark.parametrize("archive", [TAR, ZIP])
def test_from_the_archive_and_its_folder(tmp_path, archive):
    path = pack(tmp_path, archive)
    for root in (tmp_path, path):
        assert read_members("x", root, archive, list(CONTENT)) == CONTENT
    assert read_members("x", tmp_path, archive, ["a.bin", "c.bin"]) == {"a.bin": b"first"}


def test_unpacked_comes_first(tmp_path):
    pack(tmp_path, TAR)
    (tmp_path / "inner" / "a.bin").write_bytes(b"unpacked")
    for root in (tmp_path, tmp_path / "inner"):
        assert read_members("x", root, TAR, ["a.bin"]) == {"a.bin": b"unpacked"}


def test_nothing_there(tmp_path):
    assert read_members("x", tmp_path, TAR, ["a.bin"]) is None
    assert read_members("x", None, TAR, ["a.bin"]) is None


@pytest.mark.parametrize("archive", [TAR, ZIP])
def test_truncated(tmp_path, archive):
    path = pack(tmp_path, archive)
    whole = path.read_bytes()
    for part in (0.0, 0.3, 0.6, 0.9):
        path.write_bytes(whole[: int(part * len(whole))])
        with pytest.raises(TableIntegrityError, match="damaged or truncated"):
            read_members("x", tmp_path, archive, list(CONTENT))
    path.write_bytes(whole[:50])
    if archive is TAR:
        digest = hashlib.md5(whole[:50]).hexdigest()
        with pytest.raises(
            TableIntegrityError, match=f"must be 0{{32}}, but is {digest}. Get it again"
        ):
            read_members("x", tmp_path, archive, list(CONTENT))


def test_members_outside_the_folder_and_links_are_no_members(tmp_path):
    path = tmp_path / TAR.name
    (tmp_path / "secret").write_bytes(b"secret")
    with tarfile.open(path, "w:gz") as file:
        file.add(tmp_path / "secret", "a.bin")
        link = tarfile.TarInfo("inner/b.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(link)
    assert read_members("x", tmp_path, TAR, list(CONTENT)) == {}


def test_missing_member():
    with pytest.raises(
        TableIntegrityError, match=r"x: b, c must be in the same folder as a, but is missing"
    ):
        check_members("x", {"a": b""}, ["a", "b", "c"])


NAMES = list(CONTENT)
MEMBERS = {"a.bin": bytes(range(256)), "b.bin": b"second" * 9}


def made_tar(path, mode, extra=()):
    with tarfile.open(path, mode) as file:
        for name, data in MEMBERS.items():
            info = tarfile.TarInfo(f"inner/{name}")
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
        for info, data in extra:
            file.addfile(info, io.BytesIO(data))


def outcome(root, archive):
    """What is read, or None where damage is found."""
    try:
        return read_members("x", root, archive, NAMES)
    except TableIntegrityError:
        return None


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_every_flipped_bit_of_a_packed_tar_is_found(tmp_path, mode):
    path = tmp_path / "x.tar.gz"
    made_tar(path, mode)
    whole = path.read_bytes()
    assert outcome(tmp_path, TAR) == MEMBERS
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        # What is not found, such as a flip in gzip's time stamp, must not change the data.
        assert outcome(tmp_path, TAR) in (None, MEMBERS), place
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        assert outcome(tmp_path, TAR) is None


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_every_flipped_bit_of_a_zip_is_found(tmp_path, method):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in MEMBERS.items():
            file.writestr(f"inner/{name}", data)
    whole = path.read_bytes()
    assert outcome(tmp_path, ZIP) == MEMBERS
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        found = outcome(tmp_path, ZIP)
        assert found is None or found.items() <= MEMBERS.items(), place


def test_names_that_are_not_utf8(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("inner/ä.bin", b"x")
    path.write_bytes(path.read_bytes().replace("ä".encode(), b"\xff\xfe"))
    with pytest.raises(TableIntegrityError, match="x.zip' is damaged or truncated .*utf-8"):
        read_members("x", tmp_path, ZIP, NAMES)


def test_a_published_archive_of_the_right_size_and_another_checksum_is_damaged(tmp_path):
    path = tmp_path / "x.tar.gz"
    made_tar(path, "w:")
    whole = path.read_bytes()
    published = Archive("x.tar.gz", hashlib.md5(whole).hexdigest(), "inner", len(whole))
    assert read_members("x", tmp_path, published, NAMES).note is None
    path.write_bytes(whole.replace(b"second", b"sEcond"))
    with pytest.raises(
        TableIntegrityError, match=f"damaged: its MD5 must be {published.md5}, but is"
    ):
        read_members("x", tmp_path, published, NAMES)
    # Packed again it is another file, and nobody can say more.
    made_tar(path, "w:gz")
    assert "not the published file" in read_members("x", tmp_path, published, NAMES).note


def bounded(call):
    """The error of a call within 2 s and 512 MiB, the limits of hostile files."""
    start = time.process_time()
    with pytest.raises(TableIntegrityError):
        call()
    assert time.process_time() - start < 2
    tracemalloc.start()  # which takes most of the time of the second call
    with pytest.raises(TableIntegrityError) as caught:
        call()
    assert tracemalloc.get_traced_memory()[1] < 512 << 20
    tracemalloc.stop()
    return str(caught.value)


def test_a_zip_that_unpacks_to_gigabytes(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        with file.open("inner/a.bin", "w") as member:
            for _ in range(300):
                member.write(bytes(1 << 20))
        file.writestr("inner/b.bin", b"")
    error = bounded(lambda: read_members("x", tmp_path, ZIP, NAMES))
    assert "unpacks to 300 MiB; the limit is 256 MiB" in error
    # The same with sizes that are a lie.
    data = path.read_bytes()
    path.write_bytes(data.replace((300 << 20).to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    assert "damaged" in bounded(lambda: read_members("x", tmp_path, ZIP, NAMES))


def sparse():
    """A member of a terabyte in no bytes, as GNU tar writes holes."""
    info = tarfile.TarInfo("inner/a.bin")
    info.type = tarfile.GNUTYPE_SPARSE
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[483:495] = b"\x80" + (1 << 40).to_bytes(11, "big")
    block[148:156] = b"%06o\0 " % (256 + sum(block[:148]) + sum(block[156:512]))
    return bytes(block) + bytes(1024)


def long_name():
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1 << 31
    return info.tobuf(tarfile.GNU_FORMAT) + bytes(300 << 20)


def pax():
    records = b"14 a=bcdefghi\n" * 70_000
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, len(records)
    one = info.tobuf(tarfile.USTAR_FORMAT) + records + bytes(-len(records) % 512)
    return (one + tarfile.TarInfo("y").tobuf(tarfile.USTAR_FORMAT)) * 40


def many():
    return tarfile.TarInfo("x").tobuf(tarfile.USTAR_FORMAT) * 100_000


def member():
    info = tarfile.TarInfo("inner/a.bin")
    info.size = 300 << 20
    return info.tobuf(tarfile.USTAR_FORMAT) + bytes(300 << 20)


def skipped():
    info = tarfile.TarInfo("inner/other")
    info.size = 300 << 20
    return info.tobuf(tarfile.USTAR_FORMAT) + bytes(300 << 20)


def trailing():
    return bytes(1024) + bytes(300 << 20)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (sparse, "is a sparse member"),
        (long_name, "header of 2,147,483,648 bytes; the limit is 1 MiB"),
        (pax, "holds more beside its members; the limit is 1 MiB"),
        (many, "holds more beside its members; the limit is 1 MiB"),
        (member, "unpacks to 300 MiB; the limit is 256 MiB"),
        (skipped, "unpacks to more; the limit is 256 MiB"),
        (trailing, "holds more beside its members"),
    ],
)
def test_tars_that_are_larger_than_they_look(tmp_path, content, message):
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(content(), 1))
    assert message in bounded(lambda: read_members("x", tmp_path, TAR, NAMES))
