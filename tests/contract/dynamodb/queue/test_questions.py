"""One asks for a change, and the others are told."""

from tests.support.builders import NOW
from understudy.domain.cluster.record import ChangeReading


def test_one_asks_for_a_change_and_the_others_are_told_what_it_heard(questions):  # B12 S7
    assert questions.take_question("C1", NOW, NOW + 5) is None
    assert questions.take_question("C1", NOW + 4, NOW + 9) is ChangeReading.PENDING
    questions.note_answer("C1", ChangeReading.UNKNOWN)
    assert questions.take_question("C1", NOW + 4, NOW + 9) is ChangeReading.UNKNOWN
    assert questions.take_question("C2", NOW + 4, NOW + 9) is None


def test_what_nobody_could_answer_is_asked_again_after_a_while(questions):  # B12 S7
    questions.take_question("C1", NOW, NOW + 5)
    assert questions.take_question("C1", NOW + 5, NOW + 10) is None
    questions.note_answer("C1", ChangeReading.PENDING)
    assert questions.take_question("C1", NOW + 10, NOW + 15) is None


def test_what_is_in_sync_is_asked_no_more(questions):  # B12 S7
    questions.take_question("C1", NOW, NOW + 5)
    questions.note_answer("C1", ChangeReading.IN_SYNC)
    assert questions.take_question("C1", NOW + 500, NOW + 505) is ChangeReading.IN_SYNC
