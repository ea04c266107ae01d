"""The definitions as operators put them: Parameters on Parameter Store."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import code_of
from understudy.ports.parameters import ParameterText

NOT_THERE = "ParameterNotFound"
FOLDER = "clusters/"
TUNING = "tuning"


class SsmParameters:
    """The parameters under `<prefix>clusters/`, by a boto3 client; `prefix` ends in a slash (`/understudy/<stack>/`).

    SecureString parameters are read decrypted. Faults of Parameter Store come through as botocore raises them.
    """

    def __init__(self, client: Any, prefix: str) -> None:
        self._client = client
        self._folder = f"{prefix}{FOLDER}"
        self._tuning = f"{prefix}{TUNING}"

    def cluster_text(self, cluster: str) -> ParameterText | None:
        """The parameter of one cluster, None when it is not there."""
        return self._get(f"{self._folder}{cluster}")

    def tuning_text(self) -> ParameterText | None:
        """The parameter with the stack's tunables, None when it is not there."""
        found = self._get(self._tuning)
        return found and replace(found, cluster="")

    def _get(self, name: str) -> ParameterText | None:
        try:
            answer = self._client.get_parameter(Name=name, WithDecryption=True)
        except ClientError as fault:
            if code_of(fault) == NOT_THERE:
                return None
            raise
        return self._text(answer["Parameter"])

    def cluster_texts(self) -> Iterator[ParameterText]:
        """The parameters of all clusters, page by page. What lies deeper is told by its path from `clusters/`."""
        pages = self._client.get_paginator("get_parameters_by_path").paginate(
            Path=self._folder, Recursive=True, WithDecryption=True
        )
        for page in pages:
            for parameter in page["Parameters"]:
                yield self._text(parameter)

    def _text(self, parameter: Mapping[str, Any]) -> ParameterText:
        name = str(parameter["Name"]).removeprefix(self._folder)
        return ParameterText(cluster=name, version=parameter["Version"], text=parameter["Value"])
