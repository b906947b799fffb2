from __future__ import annotations

from engine.novaconf.notes import Note
from engine.novaconf.reader import Entry


def test_a_note_says_where_what_and_why_but_not_the_value():
    entry = Entry("database", "connection", "mysql://nova:secret@db", "nova.conf", 7)
    line = Note("ignored", entry, "scheduling does not depend on it").line()
    assert line == "nova.conf:7: [database]connection ignored: scheduling does not depend on it"
