from __future__ import annotations

from typing import Any


def test_all_keys_are_listed_with_what_they_take(berth: Any) -> None:
    shown = berth("whatif", "keys").out
    assert "workload.mix.per_hour  number" in shown
    assert "chain.ram_weight_multiplier" in shown
    assert "changes[do=fail].of" in shown


def test_a_table_alone(berth: Any) -> None:
    lines = [line for line in berth("whatif", "keys", "fail").out.splitlines() if not line.startswith(" ")]
    assert all(line.startswith("fail") for line in lines)
    assert any(line.startswith("fail.together") for line in lines)


def test_lines_are_no_longer_than_their_text(berth: Any) -> None:
    assert all(line == line.rstrip() for line in berth("whatif", "keys").out.splitlines())


def test_a_misspelt_table_names_the_nearest(berth: Any) -> None:
    answer = berth("whatif", "keys", "worklaod")
    assert answer.code == 3
    assert "did you mean workload?" in answer.err


def test_json_and_markdown_have_the_same_keys(berth: Any) -> None:
    keys = berth("whatif", "keys", "--json").document
    text = berth("whatif", "keys", "--markdown").out
    assert len(keys) > 100
    assert all(f"| `{key['name']}` |" in text for key in keys)
