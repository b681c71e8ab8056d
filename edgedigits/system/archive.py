"""Zip archives that torch writes, made the same on every machine and at any time."""

import io
import zipfile

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip file can hold
DEBUG = ".debug_pkl"  # maps operators to lines of source, with the paths of this machine
ENTRY = b"PK\x01\x02"  # before each line of an archive's directory
MOST_ENTRIES = 10_000
SERIALIZATION_ID = ".data/serialization_id"  # a hash over all entries, those of debugging too; no loader needs it


def bare(archive: bytes) -> bytes:
    """The same archive without times, and without what depends on where the source code lies."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(buffer, "w") as target:
        for entry in source.infolist():
            if not entry.filename.endswith((DEBUG, SERIALIZATION_ID)):
                target.writestr(zipfile.ZipInfo(entry.filename, EPOCH), source.read(entry))
    return buffer.getvalue()


def read(archive: bytes, most: int) -> dict[str, bytes]:
    """What is in an archive, by name, without the folder that torch puts everything into.

    Names never become paths. Raises zipfile.BadZipFile when it is damaged, or would unpack to more than `most`
    bytes, or has more than MOST_ENTRIES: before it does, for zipfile reads no more than an entry declares.
    """
    try:
        if (entries := archive.count(ENTRY)) > MOST_ENTRIES:
            raise zipfile.BadZipFile(f"{entries:,} entries, at most {MOST_ENTRIES:,} wanted")
        with zipfile.ZipFile(io.BytesIO(archive)) as source:
            if (unpacked := sum(entry.file_size for entry in source.infolist())) > most:
                raise zipfile.BadZipFile(f"{unpacked:,} bytes unpacked, at most {most:,} wanted")
            if damaged := source.testzip():
                raise zipfile.BadZipFile(f"{damaged} is damaged")
            return {name.partition("/")[2]: source.read(name) for name in source.namelist()}
    except Exception as error:  # a damaged archive makes zipfile and zlib raise whatever they meet
        raise zipfile.BadZipFile(str(error)) from error
