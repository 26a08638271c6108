"""What is said of a search: out of sample first, and how much is luck."""

import io
import json

from rich.console import Console

from console.optimize.findings import Findings
from console.optimize.heat import heat_map
from console.optimize.study import search
from console.optimize.walk import Fold, walk
from tests.unit.console.optimize.parabola import SPACE, Parabola, wanted

FOLDS = [Fold((1, 10**18), (2 * 10**18, 3 * 10**18))]


def findings(trials: int = 30) -> Findings:
    done = list(search(wanted(trials=trials), Parabola(), (1, 2)))
    steps = list(walk(wanted(trials=10), Parabola(), FOLDS))
    return Findings("sharpe", done, steps, heat_map(SPACE, done))


def test_out_of_sample_is_shown_before_what_looks_best() -> None:
    out = io.StringIO()
    findings().show(Console(file=out, width=120, force_terminal=True, color_system="truecolor"))
    told = out.getvalue()

    assert told.index("Out of sample") < told.index("In sample: the best trials")
    assert told.index("In sample") < told.index("Mean sharpe: y down, x across")
    assert "settings were tried" in told


def test_the_document_is_json_without_the_returns_of_each_trial() -> None:
    document = findings().document()

    json.dumps(document, allow_nan=False)
    assert isinstance(document["trials"], list)
    assert len(document["trials"]) == 30
    assert "returns" not in document["trials"][0]
    assert isinstance(document["best"], dict)
    assert document["best"]["value"] == max(t["value"] for t in document["trials"] if t["value"])
    assert document["out_of_sample"][0]["settings"] is not None  # type: ignore[index]


def test_a_search_without_a_result_says_why() -> None:
    empty = Findings("sharpe", [], [], None)

    assert empty.best is None
    assert empty.doubt() == "No trial has a sharpe; nothing was traded."
    assert empty.document()["best"] is None
