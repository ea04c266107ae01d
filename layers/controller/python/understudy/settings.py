"""The only reader of the environment."""

import os
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Settings:
    """What the template tells a function. A function that is not told something does not use it: it is empty."""

    table_name: str
    bus_name: str
    state_machine_arn: str
    parameter_prefix: str
    mover_role_arn: str = ""
    may_stop: bool = False
    topic_arn: str = ""
    runbook_url: str = ""
    route53_percent: int = 90
    silence_percent: int = 10
    silence_clusters: int = 20
    silence_moves: int = 5
    stack_id: str = ""

    @property
    def stack(self) -> str:
        """The stack's name, which the prefix `/understudy/<stack>/` carries."""
        return self.parameter_prefix.split("/")[2]


@cache
def settings() -> Settings:
    """The settings of this function."""
    return Settings(
        table_name=os.environ["TABLE_NAME"],
        bus_name=os.environ.get("BUS_NAME", ""),
        state_machine_arn=os.environ.get("STATE_MACHINE_ARN", ""),
        parameter_prefix=os.environ.get("PARAMETER_PREFIX", ""),
        mover_role_arn=os.environ.get("MOVER_ROLE_ARN", ""),
        may_stop=os.environ.get("MAY_STOP_INSTANCES") == "true",
        topic_arn=os.environ.get("TOPIC_ARN", ""),
        runbook_url=os.environ.get("RUNBOOK_URL", ""),
        route53_percent=int(os.environ.get("ROUTE53_PERCENT", "90")),
        silence_percent=int(os.environ.get("SILENCE_PERCENT", "10")),
        silence_clusters=int(os.environ.get("SILENCE_CLUSTERS", "20")),
        silence_moves=int(os.environ.get("SILENCE_MOVES", "5")),
        stack_id=os.environ.get("STACK_ID", ""),
    )


def log_level() -> str:
    """The least level of what is said for people. Also where no function runs: in tests and tools."""
    return os.environ.get("POWERTOOLS_LOG_LEVEL", "INFO")
