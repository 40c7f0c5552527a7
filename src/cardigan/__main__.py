"""The command line: the first word decides, its command reads the rest."""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from . import __version__
from .errors import UserError, did_you_mean, printable

OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")

HELP = """\
cardigan: generative adversarial networks, trained, measured and resumed in one way.

  cardigan list                         every recipe
  cardigan train RECIPE [options]       train; the same command resumes
  cardigan sample RUN                   draw from a run
  cardigan translate RUN FOLDER         what a run makes of your pictures
  cardigan complete RUN                 the upper half is given, the run draws the rest
  cardigan evaluate RUN|FOLDER          measure samples
  cardigan compare A B ...              several runs or folders, in a table and on a page
  cardigan curve RUN truncation         fidelity against diversity
  cardigan neighbours RUN               is it a copy? the nearest real images
  cardigan interpolate RUN              from one sample to another: a strip or a GIF
  cardigan directions RUN               ways to edit samples, found without a label
  cardigan mix RUN                      samples with the styles of others in some layers
  cardigan invert RUN IMAGE ...         the latents of given images
  cardigan tangents RUN                 how images may move, as an encoder knows it
  cardigan audit RUN --attribute NAME   is it fair? an attribute in samples and reals
  cardigan diagnose RUN                 what goes wrong, the evidence, and what to try
  cardigan data list|check|show|fetch   what there is to train on

cardigan COMMAND --help shows the options. A first run: cardigan train dcgan
"""


def _function(name: str) -> Callable[[Sequence[str]], None]:
    """A command whose options are the parameters of a function."""

    def run(argv: Sequence[str]) -> None:
        from .commands.arguments import call

        function = getattr(import_module(f".commands.{name}", __package__), name)
        call(function, argv, f"cardigan {name}")

    return run


def _train(argv: Sequence[str]) -> None:
    from .commands.train import train

    train(argv)


def _data(argv: Sequence[str]) -> None:
    from .commands.data import main

    main(argv)


COMMANDED = (
    "complete", "compare", "curve", "neighbours", "interpolate", "directions", "mix", "invert",
    "tangents", "audit", "diagnose",
)  # fmt: skip
COMMANDS = {
    "list": _function("list"),
    "train": _train,
    "sample": _function("sample"),
    "translate": _function("translate"),
    "evaluate": _function("evaluate"),
    **{name: _function(name) for name in COMMANDED},
    "data": _data,
}


def dispatch(argv: Sequence[str]) -> None:
    """Runs the command that the words name."""
    if not argv or argv[0] in ("-h", "--help"):
        print(HELP, end="")
    elif argv[0] == "--version":
        print(f"cardigan {__version__}")
    elif argv[0] in COMMANDS:
        COMMANDS[argv[0]](argv[1:])
    else:
        raise UserError(
            f"no command is called {argv[0]!r}{did_you_mean(argv[0], COMMANDS)}: "
            "`cardigan --help` shows them all"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; a user's mistake is one line and status 2."""
    try:
        dispatch(sys.argv[1:] if argv is None else argv)
    except UserError as error:
        line = printable(" ".join(str(error).split()), longest=2000)
        print(f"cardigan: error: {line}", file=sys.stderr)
        return 2
    except (MemoryError, RuntimeError) as error:
        if not (reason := _out_of_memory(error)):
            raise
        print(f"cardigan: error: {reason}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 141
    return 0


def _out_of_memory(error: MemoryError | RuntimeError) -> str:
    """What to do about it, if memory is what ran out."""
    told = str(error).lower()
    if isinstance(error, RuntimeError) and not any(phrase in told for phrase in OUT_OF_MEMORY):
        return ""
    return (
        "out of memory: choose a smaller --training.microbatch (or --training.batch), --width or "
        "--size, or fewer samples; checkpoints are untouched"
    )


if __name__ == "__main__":
    sys.exit(main())
