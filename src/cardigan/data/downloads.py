"""Fetches a published set: only when asked to by name, and verified against its checksum."""

from pathlib import Path, PurePosixPath

import pooch

from ..errors import UserError, did_you_mean
from . import places
from .published import PUBLISHED


def fetch(name: str) -> Path:
    """Downloads the files of a set into the cache, those that are missing, and returns its folder.

    A file takes its name only after its SHA-256 has been found right.

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
    pooch.get_logger().setLevel("WARNING")
    for url, sha256 in known.files:
        print(f"Fetching {url} into {folder}")
        try:
            pooch.retrieve(url, f"sha256:{sha256}", PurePosixPath(url).name, folder)
        except (OSError, ValueError) as error:  # what requests, the disk and checksums raise
            reason = " ".join(str(error).split())
            raise UserError(f"could not fetch {url}: {reason}; try again later") from None
    return folder
