"""A zone is read to its last page."""

from urllib.parse import parse_qs, urlsplit

from local.zone_records import RecordSet, read_zone

HEAD = '<ListResourceRecordSetsResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/">'
RECORD = (
    "<ResourceRecordSets><ResourceRecordSet><Name>{0}</Name><Type>A</Type><TTL>5</TTL><ResourceRecords>"
    "<ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>"
    "</ResourceRecordSets>"
)


def test_every_page_is_read():
    asked = []

    def fetch(path: str) -> bytes:
        asked.append(parse_qs(urlsplit(path).query))
        if len(asked) == 1:
            page = HEAD + RECORD.format("A.") + "<IsTruncated>true</IsTruncated>"
            page += "<NextRecordName>b.</NextRecordName><NextRecordType>A</NextRecordType>"
        else:
            page = HEAD + RECORD.format("b.") + "<IsTruncated>false</IsTruncated>"
        return (page + "</ListResourceRecordSetsResponse>").encode()

    expected = RecordSet(5, ("192.0.2.1",))
    assert read_zone("Z1", fetch) == {("a.", "A"): expected, ("b.", "A"): expected}
    assert asked[1]["name"] == ["b."]
    assert asked[1]["type"] == ["A"]
