"""Where an author's code failed, in words that are the same on every machine and every run."""

import re
import traceback

DETAIL_CHARS_MAX = 300  # of the error's own text
_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")  # differs from run to run, so it may not reach the tape


def explain(error: BaseException, own_file: str) -> str:
    """Return type, text, file and line: the innermost line in `own_file` if there is one.

    Folders are left out, because they differ from machine to machine.
    """
    walk = traceback.walk_tb(error.__traceback__)
    frames = [(frame.f_code.co_filename, line) for frame, line in walk]
    path, line = ([frame for frame in frames if frame[0] == own_file] or frames)[-1]
    file = re.split(r"[/\\]", path)[-1]
    text = _ADDRESS.sub("0x…", str(error))[:DETAIL_CHARS_MAX]
    return f"{type(error).__name__}: {text} ({file}:{line})"
