"""`make golden`: record the golden tapes anew, on purpose."""

import sys

from tests.golden.stories import STORIES, path_of, record

for name in STORIES:
    messages = record(name)
    size = path_of(name).stat().st_size
    sys.stdout.write(f"{name}: {messages:,} messages, {size // 1_000} kB\n")
sys.stdout.write(
    "The behaviour of the desk is another one now: say in CHANGELOG.md what it does differently.\n"
)
