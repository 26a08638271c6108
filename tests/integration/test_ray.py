"""Trials on a Ray cluster of two nodes on this machine are the trials of this machine."""

import json
import subprocess
import sys
from pathlib import Path

from tests.e2e.desk import ROOT, write_bars

CLUSTER = """
import subprocess, sys
from ray.cluster_utils import Cluster

node = {"num_cpus": 1}
cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
try:
    cluster.add_node(**node)
    command = [sys.executable, "-m", "console.cli", *sys.argv[1:], "--ray", cluster.address]
    done = subprocess.run(command, capture_output=True, text=True)
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
finally:
    cluster.shutdown()
sys.exit(done.returncode)
"""


def test_a_cluster_finds_what_this_machine_finds(tmp_path: Path) -> None:
    bars = write_bars(tmp_path / "bars.csv", minutes=600, symbols=("AAA",))
    options = ["optimize", "--data", str(bars), "--strategy", "ema_crossover", "--json"]
    options += ["--space", "fast=2:9", "--space", "slow=12:40", "--trials", "6", "--jobs", "2"]

    def run(*command: str) -> dict[str, object]:
        done = subprocess.run(
            [sys.executable, *command, *options], cwd=ROOT, capture_output=True, text=True,
            timeout=100, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found

    assert run("-c", CLUSTER) == run("-m", "console.cli")


def test_a_cluster_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    bars = write_bars(tmp_path / "bars.csv", minutes=60, symbols=("AAA",))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "console.cli", "optimize", "--data", str(bars)),
            *("--strategy", "ema_crossover", "--space", "fast=2:9", "--ray", "127.0.0.1:1"),
        ],
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip

    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].startswith("error: no Ray cluster at 127.0.0.1:1")
    assert "Traceback" not in done.stderr
