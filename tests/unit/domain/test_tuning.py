"""The tunables bear the names and defaults of the Recovery Kit."""

from dataclasses import asdict

from understudy.domain.tuning import Tuning


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
