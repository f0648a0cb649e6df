"""dbt that is imported once: a warm process forks a child for each command, so that the import is paid once a run.

Importing dbt takes seconds, and so does what it builds when it first parses; a fork takes milliseconds. The warm
process has no threads and opens no files of the project, and each command still is a process of its own: what it locks
or leaks ends with it.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from types import FrameType
from typing import NoReturn

#: Names the socket of the warm process to the commands that a run starts.
SOCKET_VARIABLE = "CRM_DBT_SOCKET"
#: Behind the name of the warehouse: the lock of the dbt command that is at work in it.
LOCK_SUFFIX = ".dbt-lock"
_REQUEST_BYTES = 1 << 20
_EMPTY_PROJECT = {
    "dbt_project.yml": "{name: empty, profile: empty, version: '1.0', flags: {send_anonymous_usage_stats: false}}",
    "profiles.yml": "empty: {target: none, outputs: {none: {type: duckdb, path: ':memory:', threads: 1}}}",
}


@contextmanager
def warm_process() -> Iterator[None]:
    """Keep a warm process while the context lasts; where an outer context already does, nothing is started."""
    if SOCKET_VARIABLE in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="crm-dbt-") as folder:
        address = str(Path(folder) / "socket")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(address)
        listener.listen()
        command = [sys.executable, "-m", __name__, "--serve", str(listener.fileno())]
        # The warm process ends when its standard input does, that is at the latest with this process.
        server = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[listener.fileno()])  # noqa: S603
        listener.close()
        os.environ[SOCKET_VARIABLE] = address
        try:
            yield
        finally:
            os.environ.pop(SOCKET_VARIABLE, None)
            if server.stdin:
                server.stdin.close()
            server.wait()


def main(arguments: list[str]) -> NoReturn:
    """Run one dbt command and exit with its status; without a warm process, dbt is imported here."""
    if arguments[:1] == ["--serve"]:
        _serve(socket.socket(fileno=int(arguments[1])))
    address = os.environ.get(SOCKET_VARIABLE)
    if address:
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(address)
            except OSError:
                _run(arguments)
            sys.exit(_ask(connection, arguments))
    _run(arguments)


def _ask(connection: socket.socket, arguments: list[str]) -> int:
    """Hand a command with this process's output over to the warm process; return its status."""
    request = {"arguments": arguments, "environment": dict(os.environ), "folder": str(Path.cwd())}
    data = json.dumps(request).encode()
    socket.send_fds(connection, [len(data).to_bytes(4, "big") + data], [1, 2])
    answers = connection.makefile("r")
    child = int(answers.readline() or 0)

    def hand_on(number: int, _: FrameType | None) -> None:
        os.kill(child, number)

    if child:
        signal.signal(signal.SIGINT, hand_on)
        signal.signal(signal.SIGTERM, hand_on)
    status = int(answers.readline() or 1)
    # The connection closes when the child has ended, and with it its hold on the warehouse.
    answers.read()
    return status


def _serve(listener: socket.socket) -> NoReturn:
    """Import dbt, then fork a child for each connection until standard input ends."""
    _warm_up()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    selector = DefaultSelector()
    selector.register(listener, EVENT_READ)
    selector.register(sys.stdin.fileno(), EVENT_READ)
    while True:
        ready = {key.fd for key, _ in selector.select()}
        if sys.stdin.fileno() in ready:
            sys.exit(0)
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _answer(connection)
        connection.close()


def _warm_up() -> None:
    """Import dbt and let it parse an empty project: it builds classes and schemas that later commands need too."""
    import dbt.task.build  # noqa: F401
    from dbt.cli.main import dbtRunner

    with tempfile.TemporaryDirectory(prefix="crm-dbt-empty-") as folder:
        for name, text in _EMPTY_PROJECT.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        places = [f"--{place}={folder}" for place in ("project-dir", "profiles-dir", "target-path", "log-path")]
        dbtRunner().invoke(["--quiet", "--log-level-file=none", "parse", *places])


def _answer(connection: socket.socket) -> NoReturn:
    """Run the one command of a connection, in a child of the warm process."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    data, outputs, *_ = socket.recv_fds(connection, _REQUEST_BYTES, 2)
    while len(data) < 4 + int.from_bytes(data[:4], "big"):
        data += connection.recv(_REQUEST_BYTES)
    request = json.loads(data[4:])
    for own, given in enumerate(outputs, start=1):
        os.dup2(given, own)
        os.close(given)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    connection.sendall(f"{os.getpid()}\n".encode())
    status = 1
    try:
        _run(request["arguments"])
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except KeyboardInterrupt:
        status = 130
    connection.sendall(f"{status}\n".encode())
    # Kept open until the interpreter is gone: whoever asked waits for that.
    os.set_inheritable(connection.detach(), False)
    sys.exit(status)


def _run(arguments: list[str]) -> NoReturn:
    """Run a command in this process, which holds the warehouse's lock until it ends, also where its run was killed."""
    if warehouse := os.environ.get("CRM_WAREHOUSE"):
        Path(warehouse).parent.mkdir(parents=True, exist_ok=True)
        held = os.open(f"{warehouse}{LOCK_SUFFIX}", os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(held, fcntl.LOCK_EX)
    from dbt.cli.main import cli

    cli(arguments, prog_name="dbt")
    sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
