"""Files that were made to do harm, or never meant any good; each with what is said of it."""

import gzip
import io
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

MIB = 1024 * 1024
UNSAFE = "UNSAFE_ARCHIVE"
TOO_MUCH = "UNPACKS_TO_TOO_MUCH"


@dataclass(frozen=True)
class Hostile:
    name: str
    """Of the file; its ending says nothing to the service."""
    type: str
    make: Callable[[], bytes]
    reason: str
    field: str
    message: str


def zipped(
    *members: tuple[str | zipfile.ZipInfo, bytes], packing: int = zipfile.ZIP_STORED
) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("cat/a.png")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info


def zip_bomb() -> bytes:
    """300 MiB of zeros in 1.3 MiB."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("cat/a.png", "w", force_zip64=True) as member,
    ):
        for _ in range(300):
            member.write(bytes(MIB))
    return file.getvalue()


def overlapping() -> bytes:
    """Two entries of the directory that share one file: the way of quines and of the best bombs."""
    content = bytearray(zipped(("cat/a.png", b"x" * 100), ("cat/b.png", b"y" * 100)))
    second = content.rindex(b"PK\x01\x02")
    content[second + 42 : second + 46] = struct.pack("<I", 5)
    return bytes(content)


def patched_directory(offset: int, value: bytes) -> bytes:
    """A zip of one file whose directory says something else."""
    content = bytearray(zipped(("cat/a.png", b"x" * 100)))
    place = content.rindex(b"PK\x01\x02") + offset
    content[place : place + len(value)] = value
    return bytes(content)


def patched_end(offset: int, value: bytes) -> bytes:
    content = bytearray(zipped(("cat/a.png", b"x" * 100)))
    place = content.rindex(b"PK\x05\x06") + offset
    content[place : place + len(value)] = value
    return bytes(content)


def tarred(
    name: str = "cat/a.png", kind: bytes = tarfile.REGTYPE, size: int = 5, target: str = ""
) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, size, target
    content = b"" if kind != tarfile.REGTYPE else b"12345"
    return info.tobuf(tarfile.GNU_FORMAT) + content.ljust(512, b"\0") + bytes(1024)


def tar_bomb() -> bytes:
    """300 MiB of zeros in 300 KiB."""
    file = io.BytesIO()
    with gzip.open(file, "wb", compresslevel=9) as packed:
        info = tarfile.TarInfo("cat/a.png")
        info.size = 300 * MIB
        packed.write(info.tobuf())
        for _ in range(300):
            packed.write(bytes(MIB))
    return file.getvalue()


def header_bomb() -> bytes:
    """A long name of 512 MiB, which the standard library would read into memory."""
    file = io.BytesIO()
    with gzip.open(file, "wb", compresslevel=1) as packed:
        info = tarfile.TarInfo("././@LongLink")
        info.type, info.size = tarfile.GNUTYPE_LONGNAME, 512 * MIB
        packed.write(info.tobuf(tarfile.GNU_FORMAT))
    return file.getvalue()


def sparse() -> bytes:
    records = b"30 GNU.sparse.realsize=9999999\n"
    records = b"%d %s" % (len(records), records.partition(b" ")[2])
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, len(records)
    return info.tobuf(tarfile.USTAR_FORMAT) + records.ljust(512, b"\0") + tarred()


def array_file(shape: str, dtype: str = "<f8", data: bytes = b"") -> bytes:
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + data


def npz(content: bytes, name: str = "x.npy") -> bytes:
    return zipped((name, content))


class Pickled:
    def __reduce__(self) -> tuple[object, ...]:
        return (open, ("/tmp/a-pickle-was-read", "w"))


def parquet(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


GOOD = parquet(pa.table({"x": list(range(1000)), "y": ["a"] * 1000}))


def parquet_bomb() -> bytes:
    """384 MiB of zeros in a few kilobytes: row groups of one text of 64 MiB."""
    file = io.BytesIO()
    text = pa.table({"x": ["\0" * (64 * MIB)]})
    with pq.ParquetWriter(file, text.schema, compression="zstd") as writer:
        for _ in range(6):
            writer.write_table(text)
    return file.getvalue()


def lying_pages() -> bytes:
    """The footer calls one row group small whose page unpacks to gigabytes."""
    content = bytearray(GOOD)
    middle = len(content) // 3
    content[middle : middle + 64] = b"\xff" * 64
    return bytes(content)


def lying_footer() -> bytes:
    return GOOD[:-8] + struct.pack("<I", 2**31) + b"PAR1"


def damaged_footer() -> bytes:
    length = int.from_bytes(GOOD[-8:-4], "little")
    return GOOD[: -8 - length] + b"\x15" * length + GOOD[-8:]


IMAGES, TABLE = "image_folder", "csv"

FILES = [
    # ---- archives of images: names
    *(
        Hostile(
            "pets.zip",
            IMAGES,
            lambda n=n: zipped((n, b"x")),
            UNSAFE,
            f"pets.zip/{n}",
            "no safe name",
        )
        for n in (
            "../cat/a.png",
            "cat/../../a.png",
            "/etc/cat/a.png",
            "C:\\cat\\a.png",
            "..\\cat\\a.png",
        )
    ),
    *(
        Hostile("pets.tar", IMAGES, lambda n=n: tarred(n), UNSAFE, f"pets.tar/{n}", "no safe name")
        for n in ("../cat/a.png", "/cat/a.png", "cat/../../a.png")
    ),
    Hostile(
        "pets.zip",
        IMAGES,
        lambda: zipped(("cat/a\n.png", b"x")),
        UNSAFE,
        "pets.zip/cat/a?.png",
        "no safe name",
    ),
    Hostile(
        "pets.zip",
        IMAGES,
        lambda: zipped((f"cat/{'a' * 2000}.png", b"x")),
        UNSAFE,
        f"pets.zip/cat/{'a' * 76}",
        "no safe name",
    ),
    Hostile(
        "pets.zip",
        IMAGES,
        lambda: zipped(("cat/a.png", b"x"), ("cat/./a.png", b"y")),
        UNSAFE,
        "pets.zip/cat/./a.png",
        "comes twice",
    ),
    Hostile(
        "pets.tar",
        IMAGES,
        lambda: tarred()[:1024] + tarred(),
        UNSAFE,
        "pets.tar/cat/a.png",
        "comes twice",
    ),
    # ---- links and devices
    Hostile(
        "pets.zip",
        IMAGES,
        lambda: zipped((link(), b"/etc/passwd")),
        UNSAFE,
        "pets.zip/cat/a.png",
        "a link or a device",
    ),
    *(
        Hostile(
            "pets.tar",
            IMAGES,
            lambda k=k: tarred(kind=k, size=0, target="/etc/passwd"),
            UNSAFE,
            "pets.tar/cat/a.png",
            "a link or a device",
        )
        for k in (
            tarfile.SYMTYPE,
            tarfile.LNKTYPE,
            tarfile.CHRTYPE,
            tarfile.BLKTYPE,
            tarfile.FIFOTYPE,
            tarfile.GNUTYPE_SPARSE,
            b"Z",
        )
    ),
    Hostile("pets.tar", IMAGES, sparse, UNSAFE, "pets.tar", "sparse"),
    # ---- bombs and sizes
    Hostile("pets.zip", IMAGES, zip_bomb, TOO_MUCH, "pets.zip", "far more than it is"),
    Hostile("pets.tar.gz", IMAGES, tar_bomb, TOO_MUCH, "pets.tar.gz", "far more than it is"),
    Hostile("pets.tar.gz", IMAGES, header_bomb, UNSAFE, "pets.tar.gz", "header that is too long"),
    Hostile("pets.zip", IMAGES, overlapping, UNSAFE, "pets.zip/cat/a.png", "shares its bytes"),
    Hostile(
        "pets.zip",
        IMAGES,
        lambda: patched_directory(20, b"\xff\xff\xff\x7f"),
        UNSAFE,
        "pets.zip/cat/a.png",
        "shares its bytes",
    ),
    Hostile(
        "pets.zip",
        IMAGES,
        lambda: patched_directory(24, b"\xfe\xff\xff\xff"),
        TOO_MUCH,
        "pets.zip",
        "far more than it is",
    ),
    Hostile(
        "pets.zip",
        IMAGES,
        lambda: patched_end(12, b"\xff\xff\xff\x7f"),
        TOO_MUCH,
        "pets.zip",
        "too many files",
    ),
    Hostile(
        "pets.zip",
        IMAGES,
        lambda: zipped(("cat/inner.zip", zipped(("a.png", b"x")))),
        "BAD_DATA",
        "pets.zip/cat/inner.zip",
        "is no image",
    ),
    Hostile(
        "pets.tar",
        IMAGES,
        lambda: tarred(size=2**60),
        TOO_MUCH,
        "pets.tar/cat/a.png",
        "a size that cannot be",
    ),
    Hostile(
        "pets.tar", IMAGES, lambda: tarred()[:700], "BAD_DATA", "pets.tar", "ends within a file"
    ),
    Hostile("pets.tar", IMAGES, lambda: b"x" * 2000, "BAD_DATA", "pets.tar", "no readable archive"),
    Hostile(
        "pets.tar.gz",
        IMAGES,
        lambda: gzip.compress(tarred())[:-20],
        "BAD_DATA",
        "pets.tar.gz",
        "no readable archive",
    ),
    Hostile(
        "pets.zip",
        IMAGES,
        lambda: patched_directory(8, b"\x01\x00"),
        "BAD_DATA",
        "pets.zip/cat/a.png",
        "is encrypted",
    ),
    Hostile(
        "pets.zip",
        IMAGES,
        lambda: zipped(("cat/a.png", b"x"), packing=zipfile.ZIP_BZIP2),
        "BAD_DATA",
        "pets.zip/cat/a.png",
        "compression",
    ),
    Hostile(
        "pets.zip",
        IMAGES,
        lambda: zipped(("cat/run.sh", b"rm -rf /")),
        "BAD_DATA",
        "pets.zip/cat/run.sh",
        "is no image",
    ),
    # ---- arrays
    Hostile(
        "a.npz",
        "npz",
        lambda: npz(array_file("(1,)", "|O", pickle.dumps([Pickled()]))),
        UNSAFE,
        "a.npz[x]",
        "pickled objects",
    ),
    Hostile(
        "a.npz",
        "npz",
        lambda: npz(array_file("(1099511627776,)")),
        "BAD_DATA",
        "a.npz[x]",
        "not as long as it says",
    ),
    Hostile(
        "a.npz",
        "npz",
        lambda: npz(array_file("(9223372036854775807, 9223372036854775807)")),
        "BAD_DATA",
        "a.npz[x]",
        "not as long as it says",
    ),
    Hostile(
        "a.npz",
        "npz",
        lambda: npz(array_file("(-1,)", data=bytes(8))),
        "BAD_DATA",
        "a.npz[x]",
        "not as long as it says",
    ),
    Hostile(
        "a.npz",
        "npz",
        lambda: npz(array_file("(1,)", "|V1000000", bytes(8))),
        "BAD_DATA",
        "a.npz[x]",
        "a kind of values",
    ),
    Hostile(
        "a.npz",
        "npz",
        lambda: npz(array_file("(0,)", "<U500000000")),
        "BAD_DATA",
        "a.npz[x]",
        "a kind of values",
    ),
    Hostile(
        "a.npz",
        "npz",
        lambda: npz(array_file("__import__('os').abort()")),
        "BAD_DATA",
        "a.npz[x]",
        "is no array",
    ),
    Hostile(
        "a.npz", "npz", lambda: npz(array_file("(" * 5000)), "BAD_DATA", "a.npz[x]", "is no array"
    ),
    Hostile(
        "a.npz",
        "npz",
        lambda: npz(array_file("(1,)", data=bytes(8)), "../x.npy"),
        UNSAFE,
        "a.npz/../x.npy",
        "no safe name",
    ),
    Hostile("a.npz", "npz", lambda: npz(b"hello", "evil.py"), "BAD_DATA", "a.npz", "no array"),
    # ---- text
    Hostile(
        "t.csv",
        TABLE,
        lambda: b",".join(b"c%d" % i for i in range(1_000_000)) + b"\n1\n",
        "BAD_DATA",
        "t.csv:1",
        "the line is too long",
    ),
    Hostile(
        "t.csv",
        TABLE,
        lambda: b"," * 1_000_000 + b"\n1\n",
        "BAD_DATA",
        "t.csv:1",
        "too many columns",
    ),
    Hostile(
        "t.csv",
        TABLE,
        lambda: b"a\n" + b"x" * (5 * MIB) + b"\n",
        "BAD_DATA",
        "t.csv:2",
        "the line is too long",
    ),
    Hostile(
        "t.csv", TABLE, lambda: b'a\n"' + b"x\n" * 1_000_000, "BAD_DATA", "t.csv:2", "not valid CSV"
    ),
    Hostile("t.csv", TABLE, lambda: b"a,b\n1,\0\n", "BAD_DATA", "t.csv:2", "NUL byte"),
    Hostile("t.csv", TABLE, lambda: b"a,b\n1,\xff\xfe\n", "BAD_DATA", "t.csv:2", "not utf-8"),
    Hostile("t.csv", TABLE, lambda: b"a,a\n1,2\n", "BAD_DATA", "t.csv:1", "the same name"),
    Hostile(
        "t.csv",
        TABLE,
        lambda: b"a,b\n" + b"1\n" * 100_000,
        "BAD_DATA",
        "t.csv:2",
        "number of cells",
    ),
    Hostile(
        "t.jsonl",
        "jsonl",
        lambda: b'{"a": ' + b"[" * 1_000_000,
        "BAD_DATA",
        "t.jsonl:1",
        "not JSON",
    ),
    Hostile("t.jsonl", "jsonl", lambda: b'{"a":' * 1_000_000, "BAD_DATA", "t.jsonl:1", "not JSON"),
    Hostile(
        "t.jsonl",
        "jsonl",
        lambda: b'{"a": "' + b"x" * (20 * MIB) + b'"}',
        "BAD_DATA",
        "t.jsonl:1",
        "too long",
    ),
    Hostile(
        "t.jsonl",
        "jsonl",
        lambda: b'{"a": ' + b"9" * 100_000 + b"}",
        "BAD_DATA",
        "t.jsonl:1",
        "not JSON",
    ),
    Hostile(
        "t.jsonl",
        "jsonl",
        lambda: b"".join(b'{"k%d": 1}\n' % i for i in range(100_000)),
        "BAD_DATA",
        "t.jsonl",
        "too many columns",
    ),
    Hostile(
        "t.jsonl", "jsonl", lambda: b'{"a": 1}\n\xff\xfe\n', "BAD_DATA", "t.jsonl:2", "not JSON"
    ),
    # ---- Parquet
    Hostile("t.parquet", "parquet", parquet_bomb, TOO_MUCH, "t.parquet", "far more than it is"),
    Hostile(
        "t.parquet", "parquet", lying_footer, "BAD_DATA", "t.parquet", "a footer that cannot be"
    ),
    Hostile(
        "t.parquet", "parquet", damaged_footer, "BAD_DATA", "t.parquet", "no readable Parquet file"
    ),
    Hostile(
        "t.parquet", "parquet", lying_pages, "BAD_DATA", "t.parquet", "no readable Parquet file"
    ),
    Hostile(
        "t.parquet",
        "parquet",
        lambda: GOOD[: len(GOOD) // 2],
        "BAD_DATA",
        "t.parquet",
        "is no Parquet file",
    ),
    Hostile(
        "t.parquet",
        "parquet",
        lambda: parquet(pa.table({"x": [[1], [2, 3]]})),
        "BAD_DATA",
        "t.parquet[x]",
        "no column that can be learned from",
    ),
    Hostile(
        "t.parquet",
        "parquet",
        lambda: parquet(pa.table({"x": [{"a": {"b": 1}}]})),
        "BAD_DATA",
        "t.parquet[x]",
        "no column that can be learned from",
    ),
    Hostile(
        "t.parquet",
        "parquet",
        lambda: parquet(pa.table({"x": pa.array([1], pa.time32("s"))})),
        "BAD_DATA",
        "t.parquet[x]",
        "no column that can be learned from",
    ),
    Hostile(
        "t.parquet",
        "parquet",
        lambda: parquet(pa.table({"x": pa.array([], pa.int64())})),
        "BAD_DATA",
        "t.parquet",
        "holds no examples",
    ),
    # ---- one format that calls itself another
    *(
        Hostile("x", kind, lambda: b"\x7fELF" + bytes(range(256)) * 4, "BAD_DATA", field, message)
        for kind, field, message in (
            ("npz", "x", "no readable archive"),
            (IMAGES, "x", "no readable archive"),
            ("parquet", "x", "is no Parquet file"),
            (TABLE, "x:2", "not utf-8"),
            ("jsonl", "x:1", "not JSON"),
        )
    ),
]
