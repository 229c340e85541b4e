"""An export's bytes in the database: cut into pieces, each compressed, sent again as they were made."""

import gzip
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO

from donations.models import Export, ExportPart

# Bytes of the file in a part; compressed, a quarter to a fifth of it, or all of it where it was compressed before.
PART = 4 * 1024 * 1024
# The fastest: what it saves further costs more time than the space is worth (measured: performance.md, 2).
LEVEL = 1


class Spool:
    """Compressed parts wait on disk until the file is whole: a worker that is killed leaves nothing half-made."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="export-")  # noqa: SIM115 - this is the context manager
        self._sizes: list[int] = []

    def take(self, pieces: Iterable[bytes]) -> None:
        """Every piece is in."""
        gathered: list[bytes] = []
        size = 0
        for piece in pieces:
            gathered.append(piece)
            size += len(piece)
            if size >= PART:
                self._keep(b"".join(gathered))
                gathered, size = [], 0
        if gathered:
            self._keep(b"".join(gathered))

    def _keep(self, content: bytes) -> None:
        # Without a time in its head, the same bytes are the same part.
        part = gzip.compress(content, LEVEL, mtime=0)
        self._file.write(part)
        self._sizes.append(len(part))

    def store(self, export: Export) -> None:
        """The parts are rows. Call in the transaction that says the export is done."""
        self._file.seek(0)
        for position, size in enumerate(self._sizes):
            ExportPart.objects.create(export=export, position=position, content=self._file.read(size))

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()


def sent(export: Export) -> Iterator[bytes]:
    """The file as it was made, a part at a time."""
    position = 0
    while True:
        part = export.parts.filter(position=position).values_list("content", flat=True).first()
        if part is None:
            return
        yield gzip.decompress(bytes(part))
        position += 1
