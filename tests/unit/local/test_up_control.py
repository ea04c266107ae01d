"""How the stack to play with is asked, and how exactly one of them is up in a folder."""

import json
import os
import re
import socket
import subprocess
import sys
import threading

import pytest

from local.processes import MARK, clean_environment, marked, start
from local.sam import ROOT
from local.up import __main__ as command_line
from local.up.control import Answer, Control, NobodyThere, Request, ask
from local.up.place import Place
from local.waiting import wait_for

LIMIT_S = 10
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def place(tmp_path):
    """Deeper than what the kernel takes as the path of a socket."""
    folder = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 5)
    assert len(str(folder)) > 107
    folder.mkdir(parents=True)
    return Place(folder)


class EndedError(Exception):
    """Of the stack that answers."""


def repeat(request: Request) -> Answer:
    if request.do == "end":
        raise EndedError
    return Answer(done=request.do != "refuse", said=[request.do, request.node])


@pytest.fixture
def answered(place):
    """Every request is, until the block is left."""

    def serve():
        with pytest.raises(EndedError):
            control.serve(repeat)

    with Control(place) as control:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield place
        with pytest.raises(NobodyThere, match="ended before it had answered"):
            ask(place, Request("end"))
        thread.join(LIMIT_S)


def send(place: Place, line: bytes) -> bytes:
    with place.control() as path, socket.socket(socket.AF_UNIX) as asker:
        asker.settimeout(LIMIT_S)
        asker.connect(path)
        asker.sendall(line)
        with asker.makefile("rb") as answer:
            return answer.readline()


def test_a_request_is_a_line_and_so_is_its_answer(answered):
    assert ask(answered, Request("kill", "node-a")) == Answer(done=True, said=["kill", "node-a"])
    assert ask(answered, Request("refuse")) == Answer(done=False, said=["refuse", ""])
    assert json.loads(send(answered, b'{"do": "state"}\n')) == {"done": True, "said": ["state", ""]}


@pytest.mark.parametrize(
    "line", [b"kill\n", b'"kill"\n', b'{"node": "node-a"}\n', b'{"do": 1}\n', b'{"do": "a", "x": ""}\n']
)
def test_what_is_no_request_is_refused_and_the_next_one_answered(answered, line):
    refused = json.loads(send(answered, line))
    assert not refused["done"]
    assert refused["said"][0].startswith("This is no request: ")
    assert ask(answered, Request("state")).done


def test_who_goes_before_the_answer_harms_nobody(answered):
    with answered.control() as path, socket.socket(socket.AF_UNIX) as asker:
        asker.connect(path)
    assert ask(answered, Request("state")).done


def test_the_socket_is_its_owners_alone_and_gone_afterwards(place):
    with Control(place):
        assert (place.folder / "control").stat().st_mode & 0o777 == 0o600
    assert not (place.folder / "control").exists()
    with pytest.raises(NobodyThere):
        ask(place, Request("state"))


def test_the_folder_is_held_by_one_until_all_that_inherited_its_lock_have_ended(place):
    lock = place.hold()
    assert place.hold() is None
    place.sign(lock)
    assert place.signed_by() == os.getpid()
    heir = subprocess.Popen(SLEEP, pass_fds=(lock,))
    os.close(lock)
    try:
        assert place.is_held()
    finally:
        heir.kill()
        heir.wait(LIMIT_S)
    assert not place.is_held()


def test_what_is_frozen_is_swept_too(place):
    run = f"run-{os.getpid()}-frozen"
    place.aws.mkdir()
    (place.aws / "run").write_text(run)
    stops_itself = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"]
    start("frozen", stops_itself, env=clean_environment(run, place.folder), log=place.log)
    wait_for("it is there", lambda: list(marked(f"{MARK}={run}")), LIMIT_S)
    place.sweep()
    assert list(marked(f"{MARK}={run}")) == []


def test_the_keeper_sweeps_when_the_one_that_holds_its_pipe_is_gone(place):
    run = f"run-{os.getpid()}-kept"
    place.aws.mkdir()
    (place.aws / "run").write_text(run)
    unpacked = place.aws / "ministack"
    unpacked.mkdir()
    lock = place.hold()
    start("kept", SLEEP, env=clean_environment(run, place.folder), log=place.log)
    keeper = subprocess.Popen(
        [sys.executable, "-m", "local.up.keeper", str(place.folder), str(lock)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        pass_fds=(lock,),
    )
    os.close(lock)
    assert list(marked(f"{MARK}={run}"))
    assert keeper.stdin
    keeper.stdin.close()
    assert keeper.wait(LIMIT_S) == 0
    assert not unpacked.exists()
    assert not list(place.folder.glob("aside-*"))
    assert list(marked(f"{MARK}={run}")) == []
    assert not place.is_held()


def test_a_command_without_a_stack_says_how_to_start_one(place, capsys):
    assert command_line.main(["--directory", str(place.folder), "kill", "node-a"]) == 1
    assert capsys.readouterr().err == "Nothing is up. To start it: make up\n"
    assert command_line.main(["--directory", str(place.folder), "down"]) == 0
    assert capsys.readouterr().out == "Nothing is up.\n"


def test_a_command_while_it_starts_says_so(place, capsys):
    lock = place.hold()
    assert command_line.main(["--directory", str(place.folder), "state"]) == 1
    os.close(lock)
    assert capsys.readouterr().err == "It starts or ends just now.\n"


def test_make_runs_every_command_and_its_help_names_each_undo():
    makefile = (ROOT / "Makefile").read_text()
    undo = {"up": "down", "kill": "boot", "cut": "reconnect", "freeze": "thaw", "outage": "end-outage"}
    for command in ("up", "down", *command_line.ASKED):
        (told,) = re.findall(rf"^{command}:.* ## (.+)$", makefile, flags=re.MULTILINE)
        assert f"make {undo.get(command, '')}" in told or command not in undo
    told_how = subprocess.run(
        ["make", "-n", "--no-print-directory", "cut", "NODE=node-b"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told_how.stdout.endswith("-m local.up cut 'node-b'\n")


@pytest.mark.parametrize("port", ["80", "65529", "0", "-5"])
def test_ports_that_cannot_be_used_are_refused_before_anything_is_started(place, capsys, port):
    assert command_line.main(["--directory", str(place.folder), "up", f"--port={port}"]) == 1
    assert capsys.readouterr().err == (
        f"FIRST_PORT={port}: it must be from 1024 to 65528; the 7 above it are used, too\n"
    )
    assert not place.log.exists()
