from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidFileError
from engine.novaconf.reader import read_file, read_text


def facts(text):
    return [(entry.group, entry.name, entry.value, entry.line) for entry in read_text(text, "nova.conf")]


def test_entries_have_their_group_and_line():
    text = "# a comment\n[DEFAULT]\ndebug = true\n\n; another\n[filter_scheduler]\nhost_subset_size=3\n"
    assert facts(text) == [("DEFAULT", "debug", "true", 3), ("filter_scheduler", "host_subset_size", "3", 7)]
    (first, _) = read_text(text, "nova.conf")
    assert (first.option, first.place) == ("[DEFAULT]debug", "nova.conf:3")


def test_the_first_of_equals_sign_and_colon_ends_the_name():
    assert facts('[pci]\nalias = {"name": "a"}\na:b=c\n') == [
        ("pci", "alias", '{"name": "a"}', 2),
        ("pci", "a", "b=c", 3),
    ]


def test_indented_lines_belong_to_the_value_comments_among_them_too():
    assert facts("[a]\nb = 1,\n  2,\n\t3\n # 4\nc = 5\n") == [("a", "b", "1,\n2,\n3\n# 4", 2), ("a", "c", "5", 6)]


def test_an_empty_line_ends_a_value():
    assert facts("[a]\nb = 1\n   \nc = 2") == [("a", "b", "1", 2), ("a", "c", "2", 4)]


@pytest.mark.parametrize(
    ("value", "kept"),
    [('"x y"', "x y"), ("' x '", " x "), ("'x\"", "'x\""), ('"', ""), ("''", ""), ("", ""), ('x"y"', 'x"y"')],
)
def test_quotes_around_a_value_are_taken_off(value, kept):
    assert facts(f"[a]\nb = {value}\n") == [("a", "b", kept, 2)]


def test_a_name_that_is_repeated_has_an_entry_each_time():
    assert [fact[2] for fact in facts("[a]\nb=1\nb=2\n[A]\nb=3\n")] == ["1", "2", "3"]


def test_groups_are_known_whatever_their_case_except_for_the_default_one():
    assert [fact[0] for fact in facts("[Filter_Scheduler]\na=1\n[DEFAULT]\na=1\n[default]\na=1\n")] == [
        "filter_scheduler",
        "DEFAULT",
        "default",
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_on_any_system(end):
    assert facts(end.join(["[a]", "b = 1", " 2", "c = 3"])) == [("a", "b", "1\n2", 2), ("a", "c", "3", 4)]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a = 1\n", 1, "before the first"),
        ("[a]\n\nnonsense\n", 3, "NAME = VALUE"),
        ("[a]\n= 1\n", 2, "without a name"),
        ("[a]\n: 1\n", 2, "without a name"),
        ("[a\n", 1, "must end with ]"),
        ("[a] # why not\n", 1, "must end with ]"),
        ("[]\nb = 1\n", 1, "group without a name"),
        ("  b = 1\n", 1, "continues no value"),
        ("[a]\n  b = 1\n", 2, "continues no value"),
        ("[a]\nb = 1\n\n  2\n", 4, "continues no value"),
        ("[a]\nb = 1\n# c\n  2\n", 4, "continues no value"),
        ("\ufeff[a]\nb = 1\n", 1, "NAME = VALUE"),
    ],
)
def test_a_broken_line_is_refused_by_its_number(text, line, said):
    with pytest.raises(InvalidFileError, match=said) as caught:
        read_text(text, "nova.conf")
    assert caught.value.message.startswith(f"nova.conf:{line}: ")
    assert caught.value.details["line"] == str(line)


def test_a_file_that_is_not_text_or_not_there_is_refused(tmp_path):
    image = tmp_path / "disk.img"
    image.write_bytes(b"[a]\nb = 1\n\xff\xfe")
    with pytest.raises(InvalidFileError, match=":3: not UTF-8"):
        read_file(image)
    with pytest.raises(InvalidFileError, match="No such file"):
        read_file(tmp_path / "nova.conf")
    with pytest.raises(InvalidFileError, match="directory"):
        read_file(tmp_path)


LINES = st.lists(
    st.one_of(
        st.sampled_from(["[a]", "[B]", "[DEFAULT]", "a = 1", 'a: "2"', "b=", " 3", "\t# 4", "# c", "; d", "", "  "]),
        st.sampled_from(["x", "[a", "[]", "= 1", "[a] # b"]),
        st.text("ab=:[]#; \t'\"\x0b\u2028", max_size=8),
    ),
    max_size=12,
)


@given(LINES)
def test_every_file_is_read_as_oslo_config_reads_it(lines):
    iniparser = pytest.importorskip("oslo_config.iniparser")

    class Parser(iniparser.BaseParser):
        def __init__(self):
            self.group, self.found = None, []

        def new_section(self, section):
            self.group = section

        def assignment(self, key, value):
            if not self.group:
                raise iniparser.ParseError("no section", self.lineno, "")
            group = self.group if self.group == "DEFAULT" else self.group.lower()
            self.found.append((group, key, "\n".join(value)))

    parser = Parser()
    try:
        parser.parse([f"{line}\n" for line in lines])
        wanted = parser.found
    except iniparser.ParseError:
        wanted = None
    try:
        found = [fact[:3] for fact in facts("\n".join(lines))]
    except InvalidFileError:
        found = None
    assert found == wanted
