"""A store on each database: SQLite always, PostgreSQL from a private server where its programs are installed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from core.alerts import Alert, AlertState, Box
from core.store import Store, open_store

REPOSITORY = Path(__file__).resolve().parents[3]
PASSWORD = "secret-of-the-test"


@dataclass
class PostgresServer:
    """A private PostgreSQL server, a direct child, so that a test can really kill it."""

    programs: Path
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def url(self, database: str, port: int | None = None, password: str = PASSWORD) -> str:
        return f"postgresql://trivium:{password}@127.0.0.1:{port or self.port}/{database}"

    @property
    def owner(self) -> dict[str, object]:
        return {"user": "postgres", "group": "postgres", "extra_groups": [], "cwd": self.folder} if os.geteuid() == 0 else {}

    def start(self) -> None:
        command = [self.programs / "postgres", "-D", self.folder / "data", "-p", str(self.port)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, **self.owner)
        ready = [self.programs / "pg_isready", "-q", "-t", "1", "-h", "127.0.0.1", "-p", str(self.port), "-U", "trivium"]
        while subprocess.run(ready).returncode:
            if self.process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text()[-800:])

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        self.process.send_signal(how)
        self.process.wait(20)

    def new_database(self) -> str:
        name = f"t{uuid.uuid4().hex[:12]}"
        command = [self.programs / "createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "trivium", name]
        subprocess.run(command, check=True, env={**os.environ, "PGPASSWORD": PASSWORD})
        return name


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL's programs are not in /usr/lib/postgresql; install them with: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="trivium-pg-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = PostgresServer(found[-1].parent, folder, port)
    password_file = folder / "password"
    password_file.write_text(PASSWORD)
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        shutil.chown(password_file, "postgres", "postgres")
    initdb = [server.programs / "initdb", "-D", folder / "data", "-U", "trivium", "-E", "UTF8", "--locale=C.UTF-8"]
    initdb += ["--auth=scram-sha-256", f"--pwfile={password_file}", "--no-sync"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, **server.owner)
    try:
        server.start()
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill(signal.SIGQUIT)
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh database, once on each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store/trivium.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.url(server.new_database())


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Store]:
    """A fresh store, once on each kind of database."""
    opened = open_store(database_url, tmp_path / "evidence")
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """A fresh store on SQLite."""
    opened = open_store(f"sqlite:///{tmp_path}/store/trivium.db", tmp_path / "evidence")
    yield opened
    opened.close()


@pytest.fixture
def light_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords hashed in a millisecond, where a test is not about how strong the hash is."""
    for name, value in (("TIME_COST", 1), ("MEMORY_KIB", 64), ("LANES", 1)):
        monkeypatch.setattr(f"core.store.passwords.{name}", value)


FALL = Alert(
    id="",
    domain="surveillance",
    source="door",
    kind="fall",
    way="rule",
    state=AlertState.CLOSED,
    start_s=12.5,
    end_s=19.0,
    wall_start_s=1_700_000_000.25,
    wall_end_s=1_700_000_006.75,
    score=0.9,
    reason="a person lies on the floor near the door for 6 s",
    contributions={"video": 0.75, "audio": 0.25},
    boxes=(Box(0.1, 0.2, 0.3, 0.4, "person", 0.8, 7),),
    details={"near": [{"clip": "a", "distance": 0.5}], "note": None},
)


@pytest.fixture(scope="session")
def fall() -> Callable[..., Alert]:
    """Makes an alert with an id of its own, changed where the test says so."""
    return lambda **changes: replace(FALL, **{"id": uuid.uuid4().hex, **changes})


@pytest.fixture(scope="session")
def begin() -> Callable[[Store], str]:
    """Begins a run of the test's own process."""
    return lambda store: store.begin_run("watch", "surveillance", "door", {"fps": 5}, {"trivium": "0"}, None)


@pytest.fixture
def child(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts Python on a script that can import the project; kills it at the end if it still runs."""
    started: list[subprocess.Popen[str]] = []

    def start(script: str, *arguments: object) -> subprocess.Popen[str]:
        path = tmp_path / f"child-{len(started)}.py"
        path.write_text(script)
        command = [sys.executable, str(path), *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
