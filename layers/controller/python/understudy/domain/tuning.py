"""The tunables of row S8, under the names and with the defaults of the Recovery Kit that they come from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tuning:
    """Retry counts and intervals of everything that talks to Route 53 (S6, S7, S8). Intervals and TTL are seconds."""

    ROUTE53_TTL: int = 10
    ROUTE53_RECORD_INTERVAL: int = 2
    ROUTE53_RECORD_TRY_COUNT: int = 3
    ROUTE53_CHANGEID_INTERVAL: int = 20
    ROUTE53_CHANGEID_TRY_COUNT: int = 5
    ROUTE53_RECORDCHECK_INTERVAL: int = 2
    ROUTE53_RECORDCHECK_TRY_COUNT: int = 4
