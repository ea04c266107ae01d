"""One port for both ways of asking, and never another server's."""

import socket
from contextlib import closing

import pytest

from local.aws_proxy import AwsProxy
from local.dns_server import ZoneServer
from local.waiting import NotInTime


def server(*ports: int) -> ZoneServer:
    return ZoneServer(AwsProxy(upstream_port=1), "Z0TEST", "test.example.com", ports)


def held(kind: socket.SocketKind) -> socket.socket:
    """A port of its own that lets others use its address again, as servers usually do. In its other way it is free."""
    other = socket.SOCK_STREAM if kind is socket.SOCK_DGRAM else socket.SOCK_DGRAM
    for _ in range(20):
        holder = bound(kind, 0)
        try:
            bound(other, holder.getsockname()[1]).close()
        except OSError:  # somebody's connection has it
            holder.close()
            continue
        return holder
    raise AssertionError("no port is free for both")


def bound(kind: socket.SocketKind, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind(("127.0.0.1", port))
        if kind is socket.SOCK_STREAM:
            made.listen()
    except OSError:
        made.close()
        raise
    return made


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_port_that_is_taken_in_one_of_its_two_ways_is_left_for_one_that_is_free(kind):
    with closing(held(kind)) as holder:
        taken = holder.getsockname()[1]
        with server(taken, 0) as dns:
            assert dns.port not in (0, taken)
            with socket.create_connection(("127.0.0.1", dns.port), timeout=5):
                pass


@pytest.mark.parametrize(("kind", "way"), [(socket.SOCK_DGRAM, "UDP"), (socket.SOCK_STREAM, "TCP")])
def test_when_no_port_is_free_it_is_said_which_was_taken_and_nothing_is_held(kind, way):
    with closing(held(kind)) as holder:
        taken = holder.getsockname()[1]
        with pytest.raises(NotInTime, match=f"after 2 tries .{way} port {taken}: Address already in use"):
            server(taken, taken)
    with server(taken) as dns:
        assert dns.port == taken
