"""The examples' files as they are shipped: the agent takes its part, and the controller the definition."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from understudy.definition import parse_document
from understudy_agent import config

EXAMPLES = Path("examples")
SERVICES = {
    "web-application": ["web"],
    "nfs": ["copy", "nfs"],
    "file-transfer": ["data", "transfer"],
    "job-scheduler": ["data", "scheduler"],
}


@pytest.mark.parametrize("example", SERVICES)
def test_an_examples_agent_file_is_good_and_its_page_names_the_same_services(example):
    folder = EXAMPLES / example
    loaded = config.load(folder / "agent.ini")
    assert [spec.name for spec in loaded.specs] == SERVICES[example]
    page = (folder / "README.md").read_text(encoding="utf-8")
    in_page = [
        yaml.safe_load(part.partition("`")[0])["services"] for part in page.split("`") if part.startswith("services: [")
    ]
    if not in_page:
        in_page = [yaml.safe_load((folder / "definition.yaml").read_text(encoding="utf-8"))["services"]]
    assert [[service["name"] for service in named] for named in in_page] == [SERVICES[example]]


def test_the_agent_asks_the_copy_how_old_it_is():  # B20
    loaded = config.load(EXAMPLES / "nfs" / "agent.ini")
    assert loaded.fit is not None
    assert (loaded.fit.service, loaded.fit.argv) == ("copy", ("/usr/local/sbin/understudy-copy", "fit"))


def test_the_web_applications_definition_is_accepted_as_it_is():
    document = parse_document((EXAMPLES / "web-application" / "definition.yaml").read_text(encoding="utf-8"))
    assert [node.name for node in document.nodes] == ["node-a", "node-b"]
