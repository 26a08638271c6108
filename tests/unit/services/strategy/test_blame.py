import pytest

from services.strategy.blame import DETAIL_CHARS_MAX, explain
from shared.domain.values import Side


def fail(text: str) -> None:
    raise ValueError(text)


def caught(text: str) -> ValueError:
    with pytest.raises(ValueError, match=r".") as caught_:
        fail(text)
    return caught_.value


def test_it_names_type_text_file_and_line_without_folders() -> None:
    assert explain(caught("no"), __file__) == "ValueError: no (test_blame.py:8)"


def test_it_points_to_the_authors_line_even_if_the_error_came_from_deeper() -> None:
    with pytest.raises(ValueError, match="SIDE") as caught_:
        Side("SIDE")
    assert "(test_blame.py:" in explain(caught_.value, __file__)


def test_without_a_line_of_the_author_it_names_the_innermost() -> None:
    assert explain(caught("no"), "another.py") == "ValueError: no (test_blame.py:8)"


def test_addresses_and_length_do_not_differ_from_run_to_run() -> None:
    text = explain(caught(f"0x7f3a {'y' * 1_000}"), __file__)
    assert "0x…" in text
    assert text.count("y") < DETAIL_CHARS_MAX + 2
