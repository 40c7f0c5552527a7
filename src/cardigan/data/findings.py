"""What can be wrong with the files of a data set, and what becomes of each."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from ..errors import UserError, printable

HANDLED, LEFT_OUT, REFUSED = "handled", "left out", "refused"


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Attributes:
        name: In a few words.
        severity: `handled` (used all the same), `left out`, or `refused` (training would be).
        advice: What to do about it.
        bad: Whether it counts towards the share of bad files at which training is refused.
    """

    name: str
    severity: str
    advice: str
    bad: bool = False


def _bad(name: str, advice: str) -> Kind:
    return Kind(name, LEFT_OUT, advice, bad=True)


def _handled(name: str, advice: str) -> Kind:
    return Kind(name, HANDLED, advice)


EMPTY = _bad("empty file", "copy it again from its source, or delete it")
UNREADABLE = _bad("cannot be read", "mend its permissions or link, or copy it again")
BROKEN = _bad("truncated or damaged", "copy it again from its source, or delete it")
HUGE = _bad("too many pixels", "resize it to at most 64 megapixels")
UNSUPPORTED = _bad("picture in another format", "convert it to PNG, JPEG or WebP")
NO_PICTURE = _bad("no picture, in spite of its name", "delete it, or copy it again")
NO_CLASS = _bad("outside the folders of classes", "move it into its class's folder")
NO_LABEL = _bad("not in the file of labels", "add its label, or delete it")
NO_FILE = _bad("labelled, but not there", "add the file, or delete its label")

OTHER_FILE = Kind("not a picture", LEFT_OUT, "nothing to do; move it away to be rid of this line")
ARCHIVE = Kind("archive inside", LEFT_OUT, "unpack it, or give it by itself")
BROKEN_ARCHIVE = Kind("broken archive inside", LEFT_OUT, "copy it again, or delete it")

WRONG_ENDING = _handled("wrong ending", "read as what it is; rename it")
CMYK = _handled("CMYK", "converted to RGB without a colour profile; save it as RGB to be exact")
DEEP = _handled("16 bits a channel", "scaled to 8 bits")
ALPHA = _handled("transparent", "laid on white; flatten it for another background")
ANIMATED = _handled("several frames", "the first is used")
ROTATED = _handled("turned by EXIF", "turned upright")
DUPLICATE = _handled("exact duplicate", "trained on twice; delete one")
TOO_FEW = _handled(
    "too few pictures to measure",
    "trained on all the same; give 4 or more, or 2 or more in each of train/ and test/",
)

BAD_LABELS = Kind("file of labels is not valid", REFUSED, 'write {"labels": [["name", 0], ...]}')
TOO_MANY = Kind("too many bad files", REFUSED, "mend or delete the bad files")
NO_PICTURES = Kind("no pictures", REFUSED, "give a folder or zip of PNG, JPEG or WebP files")
BROKEN_SET = Kind("folder or zip cannot be used", REFUSED, "see the reason")


class Finding(NamedTuple):
    """A fault of a file."""

    file: str
    kind: Kind
    detail: str = ""

    def line(self) -> str:
        """The finding in one line that is safe to print."""
        detail = f" ({printable(self.detail)})" if self.detail else ""
        return f"{printable(self.file)}: {self.kind.name}{detail}; {self.kind.advice}"


def verdict(name: str, bad: Mapping[str, int], good: int, limit: float) -> Finding | None:
    """What forbids training: no pictures, or more than a share `limit` of bad files.

    Arguments:
        bad: How many files have which kind of fault.
    """
    count = sum(bad.values())
    if count > limit * (good + count):
        share = f"{count} of {good + count} are bad, limit {limit:.1%}"
        return Finding(name, TOO_MANY, f"{share}: {tally(bad)}")
    return None if good else Finding(name, NO_PICTURES)


def judge(name: str, bad: Mapping[str, int], good: int, limit: float) -> None:
    """Raises UserError if the verdict forbids training."""
    if reason := verdict(name, bad, good, limit):
        refuse(reason, name)


def refuse(reason: Finding, name: str) -> NoReturn:
    """Raises UserError."""
    raise UserError(f"{reason.line()}; cardigan data check {printable(name)} lists every fault")


def counted(findings: Iterable[Finding]) -> dict[str, int]:
    """How many files are bad, by the name of the fault."""
    return dict(Counter(f.kind.name for f in findings if f.kind.bad).most_common())


def tally(bad: Mapping[str, int]) -> str:
    """`3 truncated or damaged, 1 empty file`."""
    return ", ".join(f"{count} {kind}" for kind, count in bad.items())
