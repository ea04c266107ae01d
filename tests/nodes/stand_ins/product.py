#!/usr/bin/python3
"""Two products in one file, by the name that it has: a file transfer, `labxfer`, and a job scheduler, `labsched`.

As such products do, they leave daemons in the background, write down their pids, and go by what is written down: `stop`
signals whoever has the pid now, and `status` says that it runs as long as the file is there, also after a power cut.

- `labxferd` takes files at port 30000: a line "NAME LENGTH", then the content; it answers "OK" when the file is
  in inbox, and "READY" to whoever sends no file.
- `labsendd` sends what is in outbox to the partner, and removes it when that has said "OK".
- `labschedd` runs jobs, which are shell scripts, one at a time; they go from queue to running to done. What is in
  running when it starts was cut off: it is run again, or put into held with --hold. A job is in a session of its own.
- `labagentd` only lives.
"""

import contextlib
import os
import signal
import socket
import socketserver
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(sys.argv[0]).parent
RUN = Path("/var/opt/stand-in")
"""On the node's own disk: a power cut leaves what is in it."""
PORT = 30000
TRANSFER, JOBS = Path("/srv/transfer"), Path("/srv/jobs")


# --- the commands


def start(*daemons: tuple[str, ...]) -> int:
    for daemon in daemons:
        argv = [str(HERE / daemon[0]), *daemon[1:]]
        child = subprocess.Popen(argv, start_new_session=True, stdin=subprocess.DEVNULL)
        (RUN / f"{daemon[0]}.pid").write_text(str(child.pid))
    return 0


def stop() -> int:
    pids = {path: int(path.read_text()) for path in RUN.glob("*.pid")}
    for path, pid in pids.items():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.05)
        path.unlink()
    return 0


def status() -> int:
    is_there = any(RUN.glob("*.pid"))
    sys.stdout.write("running\n" if is_there else "stopped\n")
    return 0 if is_there else 3


# --- the file transfer


class Receiver(socketserver.StreamRequestHandler):
    """One file that comes in. One that breaks off leaves a part, and gets no answer."""

    def handle(self) -> None:
        head = self.rfile.readline().split()
        if len(head) != 2:
            self.wfile.write(b"READY\n")
            return
        name, left = head[0].decode(), int(head[1])
        part = TRANSFER / "inbox" / f".{name}.part"
        with part.open("wb") as out:
            while left and (data := self.rfile.read1(min(left, 65536))):
                out.write(data)
                out.flush()
                left -= len(data)
            os.fsync(out.fileno())
        if left == 0:
            part.rename(TRANSFER / "inbox" / name)
            os.sync()
            self.wfile.write(b"OK\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def receive() -> int:
    with Server(("", PORT), Receiver) as server:
        server.serve_forever()
    return 0


def send() -> int:
    """What waits to be sent goes to the partner, oldest name first."""
    host, port = (TRANSFER / "partner").read_text().split()
    while True:
        for path in sorted((TRANSFER / "outbox").glob("[!.]*")):
            with contextlib.suppress(OSError):
                if is_taken(path, (host, int(port))):
                    path.unlink()
        time.sleep(0.1)


def is_taken(path: Path, partner: tuple[str, int]) -> bool:
    content = path.read_bytes()
    with socket.create_connection(partner, 1) as connection:
        connection.sendall(f"{path.name} {len(content)}\n".encode() + content)
        return connection.recv(3) == b"OK\n"


# --- the job scheduler


def schedule(cut_off_go_to: str) -> int:
    """Until SIGTERM: the job that runs then is waited for."""
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    for path in (JOBS / "running").iterdir():
        path.rename(JOBS / cut_off_go_to / path.name)
    while not asked:
        for path in sorted((JOBS / "queue").iterdir())[:1]:
            job = path.rename(JOBS / "running" / path.name)
            subprocess.run(["/bin/sh", job], check=False, start_new_session=True, cwd=JOBS)
            job.rename(JOBS / "done" / path.name)
        time.sleep(0.1)
    return 0


def idle() -> int:
    signal.sigwait([signal.SIGTERM])
    return 0


def main(name: str, words: list[str]) -> int:
    daemons = {
        "labxferd": receive,
        "labsendd": send,
        "labschedd": lambda: schedule("held" if "--hold" in words else "queue"),
        "labagentd": idle,
    }
    if name in daemons:
        return daemons[name]()
    if words[0] == "start":
        of_jobs = (("labschedd", *words[1:]), ("labagentd",))
        return start(*(of_jobs if name == "labsched" else (("labxferd",), ("labsendd",))))
    return stop() if words[0] == "stop" else status()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[0]).name, sys.argv[1:]))
