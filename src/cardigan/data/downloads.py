"""Fetches what others publish: only when asked to by name, and verified against its checksum."""

from contextlib import ExitStack, closing
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import pooch

from ..errors import UserError, did_you_mean, printable
from ..progress import Progress
from . import places
from .published import PUBLISHED


def fetch(name: str) -> Path:
    """Downloads the files of a set into the cache, those that are missing, and returns its folder.

    Raises UserError for sets that cannot be fetched, and where the network fails.
    """
    known = PUBLISHED.get(name)
    if known is None or not known.files:
        names = [other for other, set_ in PUBLISHED.items() if set_.files]
        raise UserError(
            f"expected a set that can be fetched ({', '.join(names)}), got {name!r}"
            f"{did_you_mean(name, names)}"
        )
    folder = places.fetched(name)
    for url, sha256 in known.files:
        download(url, sha256, folder)
    return folder


def download(url: str, sha256: str, folder: Path) -> Path:
    """A file under its own name in a folder, unless it is there already.

    It takes its name only after its SHA-256 has been found right.

    Raises:
        UserError: The network or the disk fails, or what came is another file.
    """
    name = PurePosixPath(url).name
    pooch.get_logger().setLevel("WARNING")
    print(f"Fetching {url} into {folder}")
    try:
        with closing(_Bar(name)) as bar:
            way: Any = pooch.HTTPDownloader(progressbar=bar)  # pyright: ignore[reportArgumentType]
            return Path(pooch.retrieve(url, f"sha256:{sha256}", name, folder, downloader=way))
    except (OSError, ValueError) as error:  # what requests, the disk and checksums raise
        reason = printable(" ".join(str(error).split()).rstrip("."), longest=800)
        raise UserError(f"could not fetch {url}: {reason}; try again later") from None


class _Bar:
    """What pooch tells of a download, shown as all work is; it sets `total` before the start."""

    def __init__(self, label: str) -> None:
        self.label, self.total, self.seen = label, 0, 0  # bytes
        self.shown = ExitStack()

    @cached_property
    def progress(self) -> Progress:
        bar = Progress(round(self.total / 1e6), label=self.label, unit="MB")
        return self.shown.enter_context(bar)

    def update(self, count: int) -> None:
        self.seen = min(self.seen + count, self.total)
        self.progress.update(round(self.seen / 1e6))

    def reset(self) -> None:
        self.seen = 0

    def close(self) -> None:
        self.shown.close()
