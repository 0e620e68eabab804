"""``python -m ganzoo`` is ``ganzoo``."""

import signal


def main() -> None:
    """Run the command line; while it is imported, and when it is done, SIGINT ends it as quietly as SIGTERM does."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from ganzoo.waiting import waiting

    waiting.watch()  # during the imports of the command line, which need no torch
    from ganzoo.cli import main as run

    waiting.choose()
    run()


if __name__ == "__main__":
    main()
