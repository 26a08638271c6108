import json
from pathlib import Path

from console.view.watch import LogWatch


def line(level: str, event: str, **more: str) -> str:
    return json.dumps({"level": level, "service": "risk", "event": event, **more}) + "\n"


def test_only_what_was_added_and_complains_is_found(tmp_path: Path) -> None:
    path = tmp_path / "risk.log"
    watch = LogWatch(path)
    assert watch.new_complaints() == []
    path.write_text(line("info", "serving") + line("error", "lost", error="NATS is away"))
    assert watch.new_complaints() == ["risk: lost NATS is away"]
    assert watch.new_complaints() == []
    with path.open("a") as log:
        log.write("no json\n" + line("warning", "slow")[:-1])
    assert watch.new_complaints() == []  # the last line is not whole yet
    with path.open("a") as log:
        log.write("\n")
    assert watch.new_complaints() == ["risk: slow"]


def test_a_log_that_begins_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "risk.log"
    watch = LogWatch(path)
    path.write_text(line("error", "one") * 3)
    assert len(watch.new_complaints()) == 3
    path.write_text(line("error", "two"))
    assert watch.new_complaints() == ["risk: two"]
