"""Archives that lie among the files of a release: they hold the same files, and nothing besides."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
from collections.abc import Mapping
from typing import IO

from cats4ml_client.verifying.manifests import ARCHIVES, HELDOUT, WHOLE, Sums
from cats4ml_client.verifying.places import BLOCK, BROKEN, MANIFEST, Place, opened
from cats4ml_client.verifying.report import Difference

_LOCAL = struct.Struct("<4s5H3I2H")
_END = struct.Struct("<4s4H2IH")
_IN_64_BITS = 0xFFFFFFFF


def check_archives(place: Place, sums: Sums) -> list[str]:
    """Raises `Difference` for an archive that holds something else. Returns the names of those that are here."""
    digests = {path: one.sha256 for path, one in sums.by_path.items()} | {MANIFEST: sums.root_digest}
    held = {path: digest for path, digest in digests.items() if path.startswith(HELDOUT) or path == WHOLE}
    public = {path: digest for path, digest in digests.items() if path not in held}
    found = sorted(place.names & set(ARCHIVES))
    for name in found:
        if name == "heldout.zip" and not sums.has_heldout:
            raise Difference(name, "The archive is here, and its files are not: unpack it in the same folder.")
        _check(place, name, held if name == "heldout.zip" else public)
    return found


def _check(place: Place, name: str, expected: Mapping[str, str]) -> None:
    try:
        with opened(place, name) as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            names = [one.filename for one in members]
            others = sorted(set(names) ^ set(expected))
            if others or len(names) != len(expected):
                raise Difference(name, "It does not hold the files that it should.", found=(others or names)[0])
            _check_frame(name, file, archive)
            for one in members:
                with archive.open(one) as member:
                    digest = _sha256(member)
                if digest != expected[one.filename]:
                    what = f"Its {one.filename} is another than the one beside it."
                    raise Difference(name, what, expected=expected[one.filename], found=digest)
    except (*BROKEN, ValueError, OverflowError) as error:
        raise Difference(name, f"It is no zip that can be read: {error}.") from None


def _check_frame(name: str, file: IO[bytes], archive: zipfile.ZipFile) -> None:
    """All members are alike but for name, size and content, and both places that describe one say the same: so that
    nothing in the frame around the contents can be changed unseen either."""
    frames = set()
    for one in archive.infolist():
        if not _is_said_twice(one, file):
            raise Difference(name, f"It describes {one.filename} in two ways.")
        frames.add(
            (one.date_time, one.create_system, one.create_version, one.external_attr, one.internal_attr, one.comment)
        )
    file.seek(-_END.size, io.SEEK_END)
    mark, *disks, here, everywhere, _, _, comment = _END.unpack(file.read(_END.size))
    number = min(len(archive.infolist()), 0xFFFF)
    if len(frames) > 1 or (mark, disks, here, everywhere, comment) != (b"PK\5\6", [0, 0], number, number, 0):
        raise Difference(name, "Its files should be packed alike, and nothing should follow them.")


def _is_said_twice(one: zipfile.ZipInfo, file: IO[bytes]) -> bool:
    """Whether the header before a member says the same of it as the list at the end."""
    file.seek(one.header_offset)
    _, version, flags, method, time, day, crc, packed, size, *_ = _LOCAL.unpack(file.read(_LOCAL.size))
    year, month, date, hour, minute, second = one.date_time
    later = one.flag_bits & 8  # written as a stream: what is known at the end stands behind the member
    return (
        (version, flags, method) == (one.extract_version, one.flag_bits, one.compress_type)
        and (day, time) == ((year - 1980) << 9 | month << 5 | date, hour << 11 | minute << 5 | second // 2)
        and crc == (0 if later else one.CRC)
        and packed in ((0,) if later else (one.compress_size, _IN_64_BITS))
        and size in ((0,) if later else (one.file_size, _IN_64_BITS))
    )


def _sha256(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while block := file.read(BLOCK):
        digest.update(block)
    return digest.hexdigest()
