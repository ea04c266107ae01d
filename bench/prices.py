"""List prices of us-east-1 in US dollars, without free tiers and discounts, and the document that each is from."""

from __future__ import annotations

from typing import NamedTuple

UNCONFIRMED = "not confirmed by a stored document"
MILLION = 1_000_000
GB = 2**30


class Price(NamedTuple):
    """`usd` for one; `shown` is how price lists put it, `source` the title of the document that says so."""

    usd: float
    what: str
    shown: str
    source: str


LAMBDA_REQUEST = Price(
    0.20 / MILLION, "Lambda, request", "0.20 a million", "lambda_local_runner: Cost (lambda-13-cost)"
)
LAMBDA_GB_S = Price(
    0.0000133334,
    "Lambda, GB-second on arm64",
    "0.0000133334",
    "cloudchipr: AWS Lambda Pricing Breakdown: Ultimate Guide 2024",
)
WRITE_UNIT = Price(
    0.625 / MILLION,
    "DynamoDB on demand, write unit (1 KB; twice that in a transaction)",
    "0.625 a million",
    "airbyte: Amazon DynamoDB Pricing: On-Demand & Provisioned Plans; units: AWS, Amazon DynamoDB on-demand pricing",
)
READ_UNIT = Price(
    0.125 / MILLION,
    "DynamoDB on demand, read unit (4 KB, strongly consistent)",
    "0.125 a million",
    "airbyte: Amazon DynamoDB Pricing: On-Demand & Provisioned Plans; units: AWS, Amazon DynamoDB on-demand pricing",
)
TABLE_GB = Price(0.25 / GB, "DynamoDB, storage", "0.25 a GB and month", UNCONFIRMED)
BACKUP_GB = Price(0.20 / GB, "DynamoDB, point-in-time recovery", "0.20 a GB and month", UNCONFIRMED)
EVENT = Price(
    1.00 / MILLION,
    "EventBridge, custom event of up to 64 KB; its delivery in the same account is free",
    "1.00 a million",
    "cloudburn: Amazon EventBridge Pricing: Complete Guide + Calculator (2026)",
)
LOG_BYTE = Price(
    0.50 / GB,
    "CloudWatch Logs, taken in",
    "0.50 a GB",
    "factualminds: Amazon CloudWatch Pricing: The 10 Billing Dimensions Behind Your Observability Bill",
)
LOG_BYTE_MONTH = Price(
    0.03 / GB,
    "CloudWatch Logs, kept (after compression)",
    "0.03 a GB and month",
    "wallstrdev: Are your AWS Lambda functions leaking money? The hidden cost of CloudWatch REPORT logs",
)
METRIC = Price(
    0.30,
    "CloudWatch, metric, by the hours in which it is sent",
    "0.30 a month",
    "SigNoz: CloudWatch Pricing Without the Confusion",
)
ALARM_METRIC = Price(
    0.10,
    "CloudWatch, metric of an alarm",
    "0.10 a month",
    "infracost-idem-support, pull request 2: Add support for CloudWatch resources",
)
DASHBOARD = Price(
    3.00,
    "CloudWatch, dashboard",
    "3.00 a month",
    "factualminds: Amazon CloudWatch Pricing: The 10 Billing Dimensions Behind Your Observability Bill",
)
STATE = Price(
    0.025 / 1000, "Step Functions, state transition (Standard)", "0.025 a thousand", "AWS: Step Functions Pricing"
)
TRACE = Price(
    5.00 / MILLION,
    "X-Ray, trace recorded",
    "5.00 a million",
    "awsnegotiations: AWS X-Ray Pricing Strategy: Sampling, Scale, and EDP Bundling",
)
NAT_BYTE = Price(
    0.045 / GB,
    "NAT gateway, processed; DynamoDB's gateway endpoint is free",
    "0.045 a GB",
    "pointfive: Excessive NAT Gateway Data Processing Charges from Unoptimized Traffic Routing",
)
MAIL = Price(2.00 / 100_000, "SNS, e-mail", "2.00 a hundred thousand", UNCONFIRMED)
ALL = (
    EVENT,
    WRITE_UNIT,
    READ_UNIT,
    TABLE_GB,
    BACKUP_GB,
    LAMBDA_REQUEST,
    LAMBDA_GB_S,
    LOG_BYTE,
    LOG_BYTE_MONTH,
    METRIC,
    ALARM_METRIC,
    DASHBOARD,
    STATE,
    TRACE,
    MAIL,
    NAT_BYTE,
)
