"""Reads template.yaml as it is, and as the SAM transform makes it, and evaluates its intrinsic functions."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from cfnlint.decode import cfn_yaml  # type: ignore[import-untyped]
from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "template.yaml"
EXAMPLE = ROOT / "examples" / "two-node-service" / "template.yaml"
NO_VALUE = "AWS::NoValue"
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "123456789012",
    "AWS::StackName": "understudy",
    "AWS::StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/understudy/1",
}


@cache
def source(path: Path = TEMPLATE) -> dict[str, Any]:
    """A template as written, short forms of functions spelled out."""
    return dict(json.loads(json.dumps(cfn_yaml.load(str(path)))))


def translate(template: Mapping[str, Any], contents: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A template after the SAM transform, with the code in S3. `contents` names what lies there for a resource."""
    template = json.loads(json.dumps(template))
    for name, resource in template["Resources"].items():
        for uri in ("CodeUri", "ContentUri", "DefinitionUri"):
            if uri in resource.get("Properties", {}):
                resource["Properties"][uri] = f"s3://bucket/{(contents or {}).get(name, 'key')}"
    session = boto3.session.Session(region_name=PSEUDO["AWS::Region"])
    translator = Translator({}, Parser(), boto_session=session)
    return dict(translator.translate(template, parameter_values={}))


@cache
def _translated() -> dict[str, Any]:
    return translate(source())


def expanded() -> dict[str, dict[str, Any]]:
    """The resources that CloudFormation gets, after the SAM transform, with the code in S3."""
    return dict(_translated()["Resources"])


def expanded_outputs() -> dict[str, dict[str, Any]]:
    """The outputs as CloudFormation gets them."""
    return dict(_translated()["Outputs"])


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """The properties of the resources of one type, by logical ID, after the transform."""
    return {name: r["Properties"] for name, r in expanded().items() if r["Type"] == kind}


def resolve(value: Any, parameters: Mapping[str, Any]) -> Any:
    """Evaluate intrinsic functions. A resource, or an attribute of it, becomes its logical ID unless it is given."""
    if isinstance(value, list):
        resolved = [resolve(item, parameters) for item in value]
        return [item for item in resolved if item != NO_VALUE]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        function, argument = next(iter(value.items()))
        if function in _FUNCTIONS:
            return _FUNCTIONS[function](argument, parameters)
    properties = {key: resolve(item, parameters) for key, item in value.items()}
    return {key: item for key, item in properties.items() if item != NO_VALUE}


def _ref(name: str, parameters: Mapping[str, Any]) -> Any:
    return {**PSEUDO, **parameters}.get(name, name)


def _sub(argument: Any, parameters: Mapping[str, Any]) -> str:
    text, own = (argument, {}) if isinstance(argument, str) else argument
    values = {**PSEUDO, **parameters, **{name: resolve(v, parameters) for name, v in own.items()}}
    for name, value in values.items():
        text = text.replace("${" + name + "}", str(value))
    return str(text).replace("${!", "${")


def _join(argument: Any, parameters: Mapping[str, Any]) -> str:
    delimiter, items = argument
    assert isinstance(delimiter, str), "CloudFormation takes no function as the delimiter of a Join"
    return delimiter.join(resolve(items, parameters))


def _split(argument: Any, parameters: Mapping[str, Any]) -> list[str]:
    return str(resolve(argument[1], parameters)).split(argument[0])


def _if(argument: Any, parameters: Mapping[str, Any]) -> Any:
    condition, yes, no = argument
    conditions = source()["Conditions"] | source(EXAMPLE)["Conditions"]
    return resolve(yes if _holds(conditions[condition], parameters) else no, parameters)


def _holds(condition: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
    if "Condition" in condition:
        return _holds(source()["Conditions"][condition["Condition"]], parameters)
    if "Fn::And" in condition:
        return all(_holds(each, parameters) for each in condition["Fn::And"])
    if "Fn::Or" in condition:
        return any(_holds(each, parameters) for each in condition["Fn::Or"])
    if "Fn::Not" in condition:
        return not _holds(condition["Fn::Not"][0], parameters)
    left, right = resolve(condition["Fn::Equals"], parameters)
    return str(left) == str(right)


def _get_att(argument: Any, parameters: Mapping[str, Any]) -> str:
    name = ".".join(argument) if isinstance(argument, list) else str(argument)
    return str(parameters.get(name, name.split(".")[0]))


_FUNCTIONS: Mapping[str, Callable[[Any, Mapping[str, Any]], Any]] = {
    "Ref": _ref,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Split": _split,
    "Fn::Select": lambda argument, parameters: resolve(argument[1], parameters)[argument[0]],
    "Fn::Base64": resolve,
    # What another stack exports is given by its name, as a parameter is.
    "Fn::ImportValue": lambda argument, parameters: parameters[resolve(argument, parameters)],
    "Fn::If": _if,
    "Fn::GetAtt": _get_att,
}
