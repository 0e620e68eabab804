"""Zip archives whose entries are stored as they are; nothing is decompressed."""

from __future__ import annotations

import io
import zipfile
import zlib

from ganzoo.studio.conversion.pickles import Unreadable

ZIP = b"PK\x03\x04"
LOCAL = 30  # bytes of a zip's local file header, without the name and the extra field
ENCRYPTED = 1


def entries(content: bytes) -> dict[str, memoryview]:
    """Return the bytes of each entry, as slices of ``content``; raises :class:`Unreadable`."""
    try:
        listed = zipfile.ZipFile(io.BytesIO(content)).infolist()
    except Exception as problem:  # zipfile raises many kinds of errors for damaged files
        raise Unreadable("is damaged: its zip cannot be read, and may be truncated") from problem
    if any("/code/" in entry.filename for entry in listed):
        raise Unreadable("is a TorchScript program: save the state_dict() of the network in the program that made it")
    if sum(entry.file_size for entry in listed) > len(content):
        raise Unreadable("is damaged: the entries of its zip are larger than the file")
    found: dict[str, memoryview] = {}
    for entry in listed:
        if entry.flag_bits & ENCRYPTED or entry.compress_type != zipfile.ZIP_STORED:
            raise Unreadable("is an encrypted or compressed zip, which neither torch.save nor Keras writes")
        if entry.filename in found:
            raise Unreadable("is damaged: its zip has two entries of the same name")
        found[entry.filename] = _stored(content, entry)
    return found


def _stored(content: bytes, entry: zipfile.ZipInfo) -> memoryview:
    begin = entry.header_offset + LOCAL
    header = content[entry.header_offset : begin]
    begin += int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    raw = memoryview(content)[begin : begin + entry.file_size]
    if not header.startswith(ZIP) or len(raw) != entry.file_size:
        raise Unreadable("is damaged: an entry of its zip is outside of the file")
    if zlib.crc32(raw) != entry.CRC:
        raise Unreadable("is damaged: the content of its zip does not match the checksums in it")
    return raw
