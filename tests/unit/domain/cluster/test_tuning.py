"""The tunables bear the names and defaults of the Recovery Kit."""

from dataclasses import asdict, fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.domain.cluster.quoting import quoted
from understudy.domain.cluster.tuning import LIMITS, BadTuningError, PastedTuning, Tuning, parse_lines


def test_names_and_defaults_are_those_of_the_paper():  # S8
    assert asdict(Tuning()) == {
        "ROUTE53_TTL": 10,
        "ROUTE53_RECORD_INTERVAL": 2,
        "ROUTE53_RECORD_TRY_COUNT": 3,
        "ROUTE53_CHANGEID_INTERVAL": 20,
        "ROUTE53_CHANGEID_TRY_COUNT": 5,
        "ROUTE53_RECORDCHECK_INTERVAL": 2,
        "ROUTE53_RECORDCHECK_TRY_COUNT": 4,
    }


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("ROUTE53_TTL=30", 30),
        ("  ROUTE53_TTL=30  ", 30),
        ("export ROUTE53_TTL=30", 30),
        ('ROUTE53_TTL="30"', 30),
        ("ROUTE53_TTL='30' # seconds", 30),
        ("ROUTE53_TTL=30 # seconds", 30),
        ("ROUTE53_TTL=5\nROUTE53_TTL=30", 30),
    ],
)
def test_a_line_is_read_as_a_shell_reads_it(line, value):  # S8
    assert parse_lines(line) == PastedTuning({"ROUTE53_TTL": value}, ())


@pytest.mark.parametrize(
    "value", ["", " 30", "0", "-1", "86401", "1.5", "1e3", "0x10", "ten", "９", "9" * 5000, '"30', "30;reboot"]
)
def test_a_value_that_is_not_allowed_is_refused_by_key_and_value(value):  # S8
    with pytest.raises(BadTuningError) as caught:
        parse_lines(f"ROUTE53_TTL={value}")
    (fault,) = caught.value.faults
    assert fault.startswith("line 1: ROUTE53_TTL is ")
    assert fault.endswith("; allowed: a whole number from 1 to 86400")
    assert len(fault) < 200


def test_what_is_not_ours_is_left_alone_and_named():  # S8
    pasted = parse_lines("# comment\n\nLKROOT=/opt\nROUTE53_RECORD_INTERVAL=4")
    assert pasted == PastedTuning({"ROUTE53_RECORD_INTERVAL": 4}, ("LKROOT",))


@pytest.mark.parametrize(
    "line",
    [
        "ROUTE53_TTL 10",
        "ROUTE53_TTL = 10",
        "ROUTE53_TTL =10",
        "ROUTE53_TTL: 10",
        "ROUTE53_TTL+=10",
        "ROUTE53_TTL",
        "export ROUTE53_TTL 10",
        "export ROUTE53_TTL = 10",
    ],
)
def test_a_line_of_ours_that_assigns_nothing_is_a_fault_and_not_ignored(line):  # S8
    with pytest.raises(BadTuningError) as caught:
        parse_lines(f"# comment\n{line}")
    allowed = "ROUTE53_TTL= and, without a blank, a whole number from 1 to 86400"
    assert caught.value.faults == [f"line 2: found {line!r}; allowed: {allowed}"]


@pytest.mark.parametrize(
    "line",
    [
        "ROUTE53_TTLS 10",
        "LK_ROUTE53_TTL = 10",
        "echo ROUTE53_TTL 10",
        "unset -v ROUTE53_TTL",
        "10 ROUTE53_TTL",
        "\u200bROUTE53_TTL=10",
        "\ufeff\ufeffROUTE53_TTL=10",
        ". /etc/default/other",
    ],
)
def test_a_line_that_is_not_understood_is_refused_with_its_number(line):  # S8
    with pytest.raises(BadTuningError) as caught:
        parse_lines(f"# comment\n{line}\nLKROOT=/opt")
    assert caught.value.faults == [
        f"line 2: found {quoted(line.strip())}; allowed: KEY=value, a comment after #, or nothing"
    ]


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("ROUTE53_TTLS", "ROUTE53_TTL"),
        ("route53_ttl", "ROUTE53_TTL"),
        ("ROUTE53_RECORD_TRYCOUNT", "ROUTE53_RECORD_TRY_COUNT"),
        ("export Route53_TTL", "ROUTE53_TTL"),
        ("ROUTE35_TTL", "ROUTE53_TTL"),
        ("RUOTE53_CHANGEID_INTERVAL", "ROUTE53_CHANGEID_INTERVAL"),
    ],
)
def test_a_key_that_is_nearly_one_of_ours_is_refused_with_the_one_that_was_meant(key, meant):  # S8
    with pytest.raises(BadTuningError) as caught:
        parse_lines(f"{key}=5")
    assert caught.value.faults == [f"line 1: found '{key}=5'; allowed: {', '.join(LIMITS)}; did you mean {meant}?"]


def test_a_key_that_begins_as_ours_do_and_is_like_none_is_refused_with_those_that_there_are():  # S8
    with pytest.raises(BadTuningError) as caught:
        parse_lines("ROUTE53_ZONE=5")
    assert caught.value.faults == [f"line 1: found 'ROUTE53_ZONE=5'; allowed: {', '.join(LIMITS)}"]


def test_a_byte_order_mark_before_the_first_key_is_no_part_of_it():  # S8
    assert parse_lines("\ufeffROUTE53_TTL=30\n") == PastedTuning({"ROUTE53_TTL": 30}, ())


@pytest.mark.parametrize("line", ["export ROUTE53_TTL", "export LKROOT ROUTE53_TTL", "export ROUTE53_TTL # for all"])
def test_an_export_of_what_is_set_elsewhere_is_left_alone(line):  # S8
    assert parse_lines(f"ROUTE53_TTL=30\n{line}") == PastedTuning({"ROUTE53_TTL": 30}, ("line 2",))


def test_every_tunable_has_limits_and_its_default_is_within():
    for field in fields(Tuning):
        least, most = LIMITS[field.name]
        assert least <= field.default <= most


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    try:
        parse_lines(text)
    except BadTuningError as bad:
        assert bad.faults
