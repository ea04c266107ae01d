"""What leaves for chats and pagers is what each of them documents that it takes.

Nothing here talks to them: the rules are written down from their documents, whose addresses stand with each.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.support.events import EXAMPLES
from tests.support.fakes import FakeAnnouncer
from tests.support.fakes.notifier import FakeNotifier
from tests.unit.domain.notices.test_incident import CALLED, OPENS, OVER, event
from tests.unit.domain.notices.test_table import HOSTILE
from understudy.domain.events.incidents import TEXT_LIMIT, IncidentChanged
from understudy.domain.notices.chat import DESCRIPTION_LIMIT
from understudy.usecases.answer.notify_operator import notify_operator

RUNBOOK = "https://wiki.example.com/understudy/docs/on-call.md"
TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
TEXTS = {"type": "array", "items": TEXT}


def strictly(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


CHAT = strictly(
    {
        "version": {"const": "1.0"},
        "source": {"const": "custom"},
        "id": TEXT,
        "content": strictly(
            {
                "textType": {"const": "client-markdown"},
                "title": TEXT,
                "description": TEXT,
                "nextSteps": TEXTS,
                "keywords": TEXTS,
            },
            ["description"],
        ),
        "metadata": strictly(
            {
                "threadId": TEXT,
                "summary": TEXT,
                "eventType": TEXT,
                "relatedResources": TEXTS,
                "additionalContext": {"type": "object", "additionalProperties": TEXT},
            },
            [],
        ),
    },
    ["version", "source", "content"],
)
"""https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html: `version`, `source` and the description are
needed; only `additionalContext` takes keys of the sender's own, with texts as values."""

PAGERDUTY = strictly(
    {
        "routing_key": {"type": "string", "minLength": 32, "maxLength": 32},
        "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
        "dedup_key": {"type": "string", "minLength": 1, "maxLength": 255},
        "client": TEXT,
        "payload": strictly(
            {
                "summary": {"type": "string", "minLength": 1, "maxLength": 1024},
                "source": TEXT,
                "severity": {"enum": ["critical", "error", "warning", "info"]},
                "timestamp": TEXT,
                "class": TEXT,
                "custom_details": {"type": "object"},
            },
            ["summary", "source", "severity"],
        ),
    },
    ["routing_key", "event_action", "payload"],
)
"""https://developer.pagerduty.com/docs/send-alert-event: Events API v2. A resolve needs the key of what it resolves."""

OPSGENIE = strictly(
    {
        "message": {"type": "string", "minLength": 1, "maxLength": 130},
        "alias": {"type": "string", "minLength": 1, "maxLength": 512},
        "description": {"type": "string", "maxLength": 15_000},
        "entity": {"type": "string", "maxLength": 512},
        "priority": {"enum": ["P1", "P2", "P3", "P4", "P5"]},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 50}, "maxItems": 20},
        "source": {"type": "string", "maxLength": 100},
    },
    ["message"],
)
"""https://docs.opsgenie.com/docs/alert-api, "Create Alert"; Jira Service Management takes the same:
https://developer.atlassian.com/cloud/jira/service-desk-ops/rest/v1/api-group-integration-events."""

OPSGENIE_CLOSE = strictly(
    {"note": {"type": "string", "maxLength": 25_000}, "source": {"type": "string", "maxLength": 100}}, []
)
"""https://docs.opsgenie.com/docs/alert-api, "Close Alert": POST to /v2/alerts/IDENTIFIER/close?identifierType=alias."""


def recipe(name: str) -> dict[str, Any]:
    resources: dict[str, Any] = yaml.safe_load(Path(f"examples/pagers/{name}.yaml").read_text("utf-8"))["Resources"]
    return resources


def at(event_: Any, path: str) -> Any:
    for key in path.removeprefix("$.").split("."):
        event_ = event_[key]
    return event_


def transformed(target: dict[str, Any], told: dict[str, Any]) -> Any:
    """As EventBridge does it: a variable without quotes is put in as JSON."""
    transformer = target["InputTransformer"]
    values = {name: at(told, path) for name, path in transformer["InputPathsMap"].items()}
    return json.loads(re.sub(r"<([^<>]+)>", lambda found: json.dumps(values[found[1]]), transformer["InputTemplate"]))


def poisoned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: poisoned(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [poisoned(each) for each in value]
    return HOSTILE if isinstance(value, str) else value


def told(event_: dict[str, Any]) -> tuple[FakeNotifier, dict[str, Any]]:
    """What went to people, and the event for pagers as it is on the bus."""
    notifier, announcer = FakeNotifier(), FakeAnnouncer()
    notify_operator(event_, notifier=notifier, announcer=announcer, stack="understudy", runbook=RUNBOOK)
    ((kind, detail),) = announcer.events
    on_bus = {"source": "understudy", "detail-type": kind, "time": event_["time"], "detail": {"version": 1, **detail}}
    return notifier, on_bus


def events() -> list[Any]:
    found = [event(kind) for kind in OPENS]
    found += [{**each, "detail": poisoned(each["detail"])} for each in found]
    return [pytest.param(each, id=f"{each['detail-type']}-{number}") for number, each in enumerate(found)]


@pytest.mark.parametrize("event_", events())
def test_a_chat_takes_every_notice(event_):  # B8
    notifier, _ = told(event_)
    for data, _labels in notifier.for_programs:
        Draft202012Validator(CHAT).validate(data)
        assert len(data["content"]["description"]) <= DESCRIPTION_LIMIT


@pytest.mark.parametrize("event_", events())
def test_pagerduty_takes_every_incident(event_):  # B8
    resources, (_, on_bus) = recipe("pagerduty"), told(event_)
    (target,) = resources["Incidents"]["Properties"]["Targets"]
    (parameter,) = resources["Connection"]["Properties"]["AuthParameters"]["InvocationHttpParameters"]["BodyParameters"]
    body = transformed(target, on_bus) | {parameter["Key"]: "R" * 32}
    Draft202012Validator(PAGERDUTY).validate(body)
    assert body["dedup_key"] == on_bus["detail"]["dedup_key"]


@pytest.mark.parametrize("event_", events())
def test_opsgenie_takes_every_incident(event_):  # B8
    resources, (_, on_bus) = recipe("opsgenie"), told(event_)
    begun, over = (resources[name]["Properties"]["Targets"][0] for name in ("Begun", "Over"))
    if on_bus["detail"]["event_action"] == "trigger":
        body = transformed(begun, on_bus)
        Draft202012Validator(OPSGENIE).validate(body)
        assert body["alias"] == on_bus["detail"]["dedup_key"]
    else:
        Draft202012Validator(OPSGENIE_CLOSE).validate(transformed(over, on_bus))


def test_opsgenie_closes_by_the_alias_under_which_it_has_opened():  # B8
    resources = recipe("opsgenie")
    (begun,), (over,) = (resources[name]["Properties"]["Targets"] for name in ("Begun", "Over"))
    (path,) = over["HttpParameters"]["PathParameterValues"]
    (_, opened), (_, closed) = told(event(CALLED)), told(event(OVER))
    assert resources["Closing"]["Properties"]["InvocationEndpoint"] == {"Fn::Sub": "${Endpoint}/*/close"}
    assert over["HttpParameters"]["QueryStringParameters"] == {"identifierType": "alias"}
    assert at(closed, path) == transformed(begun, opened)["alias"]


@pytest.mark.parametrize("name", ["pagerduty", "opsgenie"])
def test_every_rule_of_a_recipe_is_about_incidents_and_together_they_take_all(name):
    rules = [each["Properties"] for each in recipe(name).values() if each["Type"] == "AWS::Events::Rule"]
    assert all(rule["EventPattern"]["detail-type"] == [IncidentChanged.detail_type] for rule in rules)
    actions = {action for rule in rules for action in rule["EventPattern"].get("detail", {}).get("event_action", [])}
    assert actions in (set(), {"trigger", "resolve"})


def test_the_end_is_in_the_thread_of_what_it_ends_and_is_another_message():
    (begun, _), (over, _) = (told({**event(kind), "id": kind})[0].for_programs[0] for kind in (CALLED, OVER))
    assert begun["metadata"]["threadId"] == over["metadata"]["threadId"]
    assert begun["id"] != over["id"]


def test_a_notice_and_its_incident_have_the_same_key():
    notifier, on_bus = told(event(CALLED))
    ((data, _),) = notifier.for_programs
    assert data["metadata"]["additionalContext"]["dedup_key"] == on_bus["detail"]["dedup_key"]


def test_the_document_names_every_event_that_begins_or_ends_an_incident():
    rows = [line for line in Path("docs/notices.md").read_text("utf-8").splitlines() if line.startswith("| `")]
    assert [kind for kind in OPENS if kind.removeprefix("Understudy ") not in " ".join(rows)] == []


@pytest.mark.parametrize("event_", [event(kind) for kind in OPENS], ids=OPENS)
def test_the_document_says_what_an_event_is_about_and_how_bad_it_is(event_):
    _, on_bus = told(event_)
    about = re.sub(r"(?<=^rule\.|^node\.).*", "NAME", on_bus["detail"]["dedup_key"].rpartition(":")[2])
    kind, severity = event_["detail-type"].removeprefix("Understudy "), on_bus["detail"]["severity"]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in Path("docs/notices.md").read_text("utf-8").splitlines()
        if line.startswith(f"| `{about}`") or f", `{about}` |" in line
    ]
    is_over = on_bus["detail"]["event_action"] == "resolve"
    assert any(kind in cells[3 if is_over else 1] and (is_over or severity in cells[2]) for cells in rows)


@pytest.mark.parametrize("kind", OPENS)
def test_in_a_chat_hostile_text_calls_nobody_and_makes_no_link_and_no_heading(kind):  # B8
    evil = "<!channel> @here [free](http://evil.example/x) <https://evil.example|*What to do*> `rm` "
    clean = EXAMPLES[kind]
    kept = ("outcome", "action")
    bad = {key: evil if isinstance(value, str) and key not in kept else value for key, value in clean.items()}
    notifier, _ = told({**event(kind), "detail": bad})
    for data, labels in notifier.for_programs:
        content = data["content"]
        *steps, runbook = content["nextSteps"]
        assert runbook.startswith(f"Runbook: {RUNBOOK}#")
        lines = [*content["description"].splitlines(), *steps, content["title"], *content["keywords"]]
        from_outside = [line for line in lines if line not in ("*What happened*", "*What is in service*")]
        assert not any(re.search(r"[<>@*`]|\]\(|://", line) for line in from_outside)
        assert labels["severity"] in ("critical", "error", "warning", "info")


def test_the_runbook_can_be_clicked_on_in_a_chat():
    ((data, _),) = told(event(CALLED))[0].for_programs
    assert f"Runbook: {RUNBOOK}#no-fit-candidate" in data["content"]["nextSteps"]


def test_the_command_that_approves_is_whole_in_a_chat_and_for_a_pager():  # B5
    notifier, on_bus = told(event("Understudy Approval Asked"))
    ((data, _),) = notifier.for_programs
    sample = EXAMPLES["Understudy Approval Asked"]
    assert any(sample["approve"] in step for step in data["content"]["nextSteps"])
    assert sample["deny"] in on_bus["detail"]["text"]


@pytest.mark.parametrize("kind", OPENS)
@pytest.mark.parametrize("filler", ["\U00020000", '"', "\\", "y"])
def test_no_event_is_too_large_for_what_it_is_told_by(kind, filler):
    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: filled(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [filled(value[0])] * 60 if value else [filler * 9000] * 60
        return filler * 9000 if isinstance(value, str) else value

    keep = {key: EXAMPLES[kind][key] for key in ("outcome", "action") if key in EXAMPLES[kind]}
    notifier, on_bus = told({**event(kind), "detail": {**filled(EXAMPLES[kind]), **keep}})
    assert len(json.dumps(on_bus)) < 262_144
    assert len(on_bus["detail"]["text"]) <= TEXT_LIMIT
    for (subject, text), (data, _) in zip(notifier.sent, notifier.for_programs, strict=True):
        assert len(subject) <= 99
        one = json.dumps(data, ensure_ascii=False)
        whole = json.dumps({"default": text, "https": one, "sqs": one, "lambda": one}, ensure_ascii=False)
        assert len(whole.encode()) < 262_144
