"""Readiness of the protected name: zone, record, guard, TTL, clients, rights."""

from dataclasses import replace

import pytest

from tests.support.builders import ENI_A, ENI_B, RECORD, a_definition, a_state
from tests.support.readiness import (
    CLIENT_VPC,
    GUARD_KEY,
    NAME_KEY,
    REGION,
    UNREAD,
    VPC,
    ZONE_ID,
    a_zone,
    an_endpoint,
    facts,
    found,
    of_all_kinds,
    says,
)
from understudy.domain.cluster.definition import ClientVpc
from understudy.domain.cluster.record import RecordSet
from understudy.domain.cluster.tuning import Tuning
from understudy.domain.readiness import names
from understudy.domain.readiness.facts import FoundRecord, PrivateZone, Right, Verdict, VpcDns, needed_rights

PASS, WARN, FAIL, UNKNOWN = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN
OURS = {NAME_KEY: found(0), GUARD_KEY: found(1)}
PUBLIC = {ZONE_ID: a_zone(is_private=False, vpcs={})}


def standing(*records: FoundRecord):
    return {**OURS, NAME_KEY: records}


def a_record(kind: str = "A", *values: str, ttl: int = 10) -> FoundRecord:
    return FoundRecord(kind, RecordSet(RECORD.name, kind, ttl, values or ("10.0.1.10",)))


ZONE_CHECKS = (
    names.route53_answers,
    names.zone_owns_name,
    names.zone_associated,
    names.name_not_shadowed,
    names.vpc_dns_on,
    names.premises_resolve,
)


@pytest.mark.parametrize("look", ZONE_CHECKS)
def test_a_zone_that_cannot_be_read_is_unknown_and_not_missing(look):  # S1 S2 B3
    says(look, UNKNOWN, "AccessDenied", zones={ZONE_ID: UNREAD})
    assert look(facts()).verdict is PASS


@pytest.mark.parametrize("look", [names.record_movable, names.guard_ours, names.ttl_short])
def test_a_record_that_cannot_be_read_is_unknown(look):  # B3
    says(look, UNKNOWN, "AccessDenied", records={NAME_KEY: UNREAD, GUARD_KEY: UNREAD})
    says(look, UNKNOWN, "it was not asked for", records={})
    assert look(facts()).verdict is PASS


def test_route_53_that_answers_that_there_is_no_zone_has_answered():  # S1
    says(names.route53_answers, PASS, "answers", zones={ZONE_ID: None})
    says(names.zone_owns_name, FAIL, f"there is no hosted zone {ZONE_ID}", zones={ZONE_ID: None})


@pytest.mark.parametrize(
    ("zone", "verdict"),
    [
        ("corp.example.com", PASS),
        ("example.com", PASS),
        (RECORD.name, PASS),
        ("example.org", FAIL),
        ("p.example.com", FAIL),
    ],
)
def test_the_zone_owns_the_name_only_by_whole_labels(zone, verdict):  # S1
    above = {(ZONE_ID, "corp.example.com"): ()}
    says(names.zone_owns_name, verdict, zone, zones={ZONE_ID: a_zone(name=zone)}, records={**OURS, **above})


@pytest.mark.parametrize("name", [RECORD.name, "corp.example.com"])
def test_a_name_that_the_zone_delegates_is_not_owned_by_it(name):  # S1
    """Resolvers ask the other zone's servers for it, and never see what is written here."""
    zones = {ZONE_ID: a_zone(name="example.com")}
    away = FoundRecord("NS", RecordSet(name, "NS", 300, ("ns.example.org.",)))
    records = {**OURS, (ZONE_ID, "corp.example.com"): (), (ZONE_ID, name): (away,)}
    says(names.zone_owns_name, FAIL, f"{name} NS in {ZONE_ID} delegates", zones=zones, records=records)
    unread = {**OURS, (ZONE_ID, "corp.example.com"): UNREAD}
    says(names.zone_owns_name, UNKNOWN, UNREAD.why, zones=zones, records=unread)


def test_the_name_servers_of_the_zone_itself_delegate_nothing():  # S1
    apex = {**OURS, NAME_KEY: (FoundRecord("NS", RecordSet(RECORD.name, "NS", 300, ("ns.example.org.",))),)}
    says(names.zone_owns_name, PASS, RECORD.name, zones={ZONE_ID: a_zone(name=RECORD.name)}, records=apex)


@pytest.mark.parametrize("look", [names.zone_associated, names.vpc_dns_on, names.premises_resolve])
def test_what_a_private_zone_needs_is_unknown_while_there_is_none_and_not_asked_of_a_public_one(look):  # S2
    says(look, UNKNOWN, "there is no hosted zone", zones={ZONE_ID: None})
    says(look, PASS, "is public", zones=PUBLIC, endpoints=UNREAD, vpcs={VPC: UNREAD})


def test_a_record_that_is_not_there_yet_will_be_made():  # S4
    says(names.record_movable, PASS, "is not there yet", records=standing())
    says(names.record_movable, PASS, "is not there yet", records=standing(a_record("MX", "10 mail.example.com")))


def test_a_record_that_the_controller_cannot_move_fails_and_says_what_it_is():  # S1 S4
    says(
        names.record_movable,
        FAIL,
        "is an alias of lb",
        records=standing(FoundRecord("A", None, "it is an alias of lb")),
    )
    says(names.record_movable, FAIL, "CNAME stands there", records=standing(a_record("CNAME", "other.example.com")))


def test_an_address_that_never_follows_the_service_is_warned_about():  # S4
    says(names.record_movable, WARN, "AAAA stands beside it", records=standing(a_record(), a_record("AAAA", "fd00::1")))
    says(
        names.record_movable,
        WARN,
        "several values: 10.0.1.10, 10.0.2.10",
        records=standing(a_record("A", "10.0.1.10", "10.0.2.10")),
    )


def test_a_guard_of_somebody_else_or_of_a_future_epoch_would_refuse_every_move():  # B1
    foreign = {**OURS, GUARD_KEY: found(1, stack="other")}
    says(names.guard_ours, FAIL, "another cluster or stack protects", records=foreign)
    newer = {**OURS, GUARD_KEY: found(1, epoch=2)}
    says(names.guard_ours, FAIL, "the guard is newer than epoch 1", records=newer)
    absurd = {**OURS, GUARD_KEY: found(1, epoch=10**12)}
    says(names.guard_ours, FAIL, "every one in a guard is below 500000000", records=absurd)
    says(names.guard_ours, PASS, "epoch=2", records=newer, state=a_state(epoch=2))
    says(names.guard_ours, PASS, "is not there yet", records={**OURS, GUARD_KEY: ()})
    alias = {**OURS, GUARD_KEY: (FoundRecord("TXT", None, "it has a routing policy"),)}
    says(names.guard_ours, FAIL, "routing policy", records=alias)


@pytest.mark.parametrize(("ttl_s", "verdict"), [(1, PASS), (60, PASS), (61, WARN), (86400, WARN)])
def test_a_ttl_above_a_minute_is_warned_about_tuned_or_standing(ttl_s, verdict):  # S13
    tuned = a_definition(tuning=Tuning(ROUTE53_TTL=ttl_s))
    says(names.ttl_short, verdict, f"ROUTE53_TTL is {ttl_s} s", definition=tuned)
    finding = names.ttl_short(facts(records=standing(a_record(ttl=ttl_s))))
    assert finding.verdict is verdict
    assert (f"stands with a TTL of {ttl_s} s" in finding.found) is (verdict is WARN)


def test_a_zone_that_a_vpc_does_not_see_is_named_with_the_vpc():  # S2
    clients = a_definition(client_vpcs=(ClientVpc(CLIENT_VPC, "eu-west-1"),))
    missing = f"is not associated with {CLIENT_VPC} in eu-west-1 (clients)"
    says(names.zone_associated, FAIL, missing, definition=clients)
    elsewhere = {ZONE_ID: a_zone(vpcs={VPC: REGION, CLIENT_VPC: "us-east-1"})}
    says(names.zone_associated, FAIL, missing, definition=clients, zones=elsewhere)
    both = {ZONE_ID: a_zone(vpcs={VPC: REGION, CLIENT_VPC: "eu-west-1"})}
    says(names.zone_associated, PASS, f"{VPC}, {CLIENT_VPC}", definition=clients, zones=both)
    says(names.zone_associated, FAIL, f"{VPC} (nodes)", zones={ZONE_ID: a_zone(vpcs={})})
    says(names.zone_associated, UNKNOWN, "AccessDenied", instances=UNREAD)


PARENT = {ZONE_ID: a_zone(name="example.com")}
OURS_IN_VPC = PrivateZone(ZONE_ID, "example.com")


def seen(*zones: tuple[str, str], vpc_id: str = VPC):
    return {vpc_id: (OURS_IN_VPC, *(PrivateZone(*each) for each in zones))}


@pytest.mark.parametrize("closer", ["corp.example.com", RECORD.name])
def test_a_more_specific_private_zone_on_the_same_vpc_hides_the_record(closer):  # S2
    """Route 53 Resolver looks in the most specific zone alone: what is not there does not exist."""
    words = f"in {VPC}, {RECORD.name} is looked for in Z0CLOSER ({closer}), not in {ZONE_ID}"
    says(names.name_not_shadowed, FAIL, words, zones=PARENT, private_zones=seen(("Z0CLOSER", closer)))


@pytest.mark.parametrize("other", ["com", "p.example.com", "files.corp.example.com", f"x.{RECORD.name}", "example.org"])
def test_a_zone_that_does_not_own_the_name_or_is_less_specific_hides_nothing(other):  # S2
    zones = {ZONE_ID: a_zone()} if other == "com" else PARENT
    says(names.name_not_shadowed, PASS, f"{VPC} is answered", zones=zones, private_zones=seen(("Z0OTHER", other)))


def test_of_several_zones_the_most_specific_one_is_named():  # S2
    there = seen(("Z0CLOSER", "corp.example.com"), ("Z0CLOSEST", RECORD.name))
    says(names.name_not_shadowed, FAIL, "Z0CLOSEST", zones=PARENT, private_zones=there)


def test_a_vpc_with_clients_may_be_hidden_from_where_the_nodes_are_not():  # S2
    clients = a_definition(client_vpcs=(ClientVpc(CLIENT_VPC, "eu-west-1"),))
    there = seen() | seen(("Z0CLOSER", "corp.example.com"), vpc_id=CLIENT_VPC)
    says(names.name_not_shadowed, FAIL, f"in {CLIENT_VPC}", definition=clients, zones=PARENT, private_zones=there)


def test_any_private_zone_that_owns_the_name_hides_a_public_record_and_that_matters_where_clients_are():  # S2
    clients = a_definition(client_vpcs=(ClientVpc(CLIENT_VPC, "eu-west-1"),))
    public = {ZONE_ID: a_zone(is_private=False, vpcs={})}
    there = {VPC: (PrivateZone("Z0SPLIT", "example.com"),), CLIENT_VPC: ()}
    says(names.name_not_shadowed, WARN, "Z0SPLIT", definition=clients, zones=public, private_zones=there)
    there = {VPC: (), CLIENT_VPC: (PrivateZone("Z0SPLIT", "example.com"),)}
    says(names.name_not_shadowed, FAIL, "Z0SPLIT", definition=clients, zones=public, private_zones=there)


def test_a_zone_in_which_the_same_record_is_protected_hides_nothing():  # S2
    closer = a_zone()
    both = a_definition(records=(RECORD, replace(RECORD, hosted_zone_id="Z0CLOSER")))
    there = seen(("Z0CLOSER", "corp.example.com"))
    zones = {**PARENT, "Z0CLOSER": closer}
    says(names.name_not_shadowed, PASS, "is answered", definition=both, zones=zones, private_zones=there)
    other = a_definition(records=(RECORD, replace(RECORD, hosted_zone_id="Z0CLOSER", type="AAAA")))
    says(names.name_not_shadowed, FAIL, "Z0CLOSER", definition=other, zones=zones, private_zones=there)


def test_a_vpc_whose_zones_cannot_be_listed_is_unknown_and_hides_no_failure():  # S2 B3
    says(names.name_not_shadowed, UNKNOWN, "AccessDenied", private_zones={VPC: UNREAD})
    says(names.name_not_shadowed, UNKNOWN, "not known", private_zones={})
    says(names.name_not_shadowed, UNKNOWN, "AccessDenied", instances=UNREAD)
    says(names.name_not_shadowed, UNKNOWN, "there is no hosted zone", zones={ZONE_ID: None})
    there = {CLIENT_VPC: UNREAD, **seen(("Z0CLOSER", "corp.example.com"))}
    says(names.name_not_shadowed, FAIL, "Z0CLOSER", zones=PARENT, private_zones=there)


def test_a_vpc_with_its_dns_off_answers_from_no_private_zone():  # S2
    says(names.vpc_dns_on, FAIL, "has enableDnsSupport and enableDnsHostnames off", vpcs={VPC: VpcDns(False, False)})
    says(names.vpc_dns_on, FAIL, "has enableDnsHostnames off", vpcs={VPC: VpcDns(True, False)})
    says(names.vpc_dns_on, UNKNOWN, "AccessDenied", vpcs={VPC: UNREAD})
    says(names.vpc_dns_on, UNKNOWN, "not known", vpcs={})


def test_clients_on_premises_need_an_endpoint_or_a_forwarder():  # S2
    says(names.premises_resolve, PASS, "rslvr-in-1")
    says(names.premises_resolve, WARN, "no inbound endpoint", endpoints=())
    says(names.premises_resolve, WARN, "no inbound endpoint", endpoints=(an_endpoint(vpc_id=CLIENT_VPC),))
    says(names.premises_resolve, UNKNOWN, "AccessDenied", endpoints=UNREAD)
    forwarder = a_definition(dns_forwarder=True)
    says(names.premises_resolve, PASS, "dns_forwarder", definition=forwarder, endpoints=UNREAD)


@pytest.mark.parametrize("change", [{"status": "ACTION_NEEDED"}, {"status": "CREATING"}, {"address_count": 1}])
def test_an_endpoint_that_may_not_answer_counts_only_beside_one_that_does(change):  # S2
    lame = replace(an_endpoint(endpoint_id="rslvr-in-2"), **change)
    says(names.premises_resolve, WARN, "rslvr-in-2", endpoints=(lame,))
    says(names.premises_resolve, PASS, "rslvr-in-1", endpoints=(lame, an_endpoint()))


def test_a_right_that_iam_denies_is_named_with_zone_and_names():  # S1 B1
    definition = a_definition()
    reading, writing = needed_rights(definition, "understudy")
    says(names.rights_suffice, PASS, writing.action)
    denied = (
        f"route53:ChangeResourceRecordSets is denied on route53:::hostedzone/{ZONE_ID} for {RECORD.name}, _understudy."
    )
    says(names.rights_suffice, FAIL, denied, rights={reading: True, writing: False})
    says(names.rights_suffice, FAIL, "ListResourceRecordSets is denied", rights={reading: False, writing: True})
    says(names.rights_suffice, UNKNOWN, "AccessDenied", rights=UNREAD)


def test_the_rights_that_are_asked_for_are_those_of_a_move():  # B1
    (_, writing) = needed_rights(a_definition(), "understudy")
    assert dict(writing.context) == {
        "route53:ChangeResourceRecordSetsActions": ("UPSERT", "CREATE", "DELETE"),
        "route53:ChangeResourceRecordSetsRecordTypes": ("A", "TXT"),
        "route53:ChangeResourceRecordSetsNormalizedRecordNames": (RECORD.name, f"_understudy.{RECORD.name}"),
    }


def test_a_zone_of_another_account_is_looked_at_like_any_other():  # S1 S2 S4
    elsewhere = a_definition(records=(replace(RECORD, role_arn="arn:aws:iam::210987654321:role/zones"),))
    says(names.zone_owns_name, FAIL, "does not own", definition=elsewhere, zones={ZONE_ID: a_zone(name="example.org")})
    foreign = {**OURS, GUARD_KEY: found(1, stack="other")}
    says(names.guard_ours, FAIL, "another cluster or stack", definition=elsewhere, records=foreign)
    says(names.ttl_short, WARN, "TTL of 61 s", definition=elsewhere, records=standing(a_record(ttl=61)))


def test_in_another_accounts_zone_the_right_that_counts_here_is_to_assume_its_role():  # S4 B1
    elsewhere = a_definition(records=(replace(RECORD, role_arn="arn:aws-cn:iam::210987654321:role/path/zones"),))
    assert needed_rights(elsewhere, "understudy") == (Right("sts:AssumeRole", "iam::210987654321:role/path/zones"),)
    denied = dict.fromkeys(needed_rights(elsewhere, "understudy"), False)
    says(names.rights_suffice, FAIL, "sts:AssumeRole is denied on iam::210987654321:role/path/zones", rights=denied)


def test_the_rights_of_routes_and_elastic_ips_are_asked_for_with_the_stacks_tag():  # S14 S15
    tag = (("aws:ResourceTag/understudy:stack", ("orders-stack",)),)
    assert needed_rights(of_all_kinds(records=()), "orders-stack") == (
        Right("ec2:DescribeRouteTables", "*"),
        Right("ec2:ReplaceRoute", "ec2:<region>:<account>:route-table/rtb-1", tag),
        Right("ec2:CreateRoute", "ec2:<region>:<account>:route-table/rtb-1", tag),
        Right("ec2:ReplaceRoute", "ec2:<region>:<account>:route-table/rtb-2", tag),
        Right("ec2:CreateRoute", "ec2:<region>:<account>:route-table/rtb-2", tag),
        Right("ec2:DescribeAddresses", "*"),
        Right("ec2:AssociateAddress", f"ec2:<region>:<account>:network-interface/{ENI_A}"),
        Right("ec2:AssociateAddress", f"ec2:<region>:<account>:network-interface/{ENI_B}"),
        Right("ec2:AssociateAddress", "ec2:<region>:<account>:elastic-ip/eipalloc-1", tag),
    )


def test_a_right_that_several_addresses_need_is_asked_for_once():  # B9
    both = a_definition(records=(RECORD, replace(RECORD, type="AAAA")))
    actions = [each.action for each in needed_rights(both, "understudy")]
    assert actions.count("route53:ListResourceRecordSets") == 1
    assert actions.count("route53:ChangeResourceRecordSets") == 2
