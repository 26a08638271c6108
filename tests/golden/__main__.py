"""`make golden`: record the golden tapes anew, on purpose."""

import sys

from tests.golden.stories import STORIES, path_of, pin, pinned, record

before = pinned()
for name in STORIES:
    messages = record(name)
    size = path_of(name).stat().st_size
    sys.stdout.write(f"{name}: {messages:,} messages, {size // 1_000} kB\n")
pin()
others = [
    f"{name}: {lane}"
    for name, lanes in pinned().items()
    for lane, digest in lanes.items()
    if before.get(name, {}).get(lane) != digest
]
sys.stdout.write(f"decided differently: {', '.join(others) or 'nothing'}\n")
if others:
    sys.stdout.write("say in CHANGELOG.md what the desk does differently now\n")
