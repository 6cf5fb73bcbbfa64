"""The first five minutes of a newcomer: a demo without configuration, kcat, reading, stopping."""

import os
import pty
import re
import signal
import subprocess

from harness import kcat, wait
from harness.report import Skip, require
from harness.server import Server, environment

STOP_SECONDS = 2
START_SECONDS = 30
DEMO = "demo/demo"
CLIENT_CONF = "logboom-data/demo/client.conf"
ANY_PORT = ["--listen", "127.0.0.1:0"]


def run(context):
    """The steps build on one another, in one folder, as a person would take them."""
    client = context.kcat()
    check = context.report.check
    home = context.folder / "home"
    home.mkdir()
    with check("terminal", "", "newcomer: first start") as notes:
        secret = first_start_on_a_terminal(context.binary, home)
        notes.append("the secret is shown once, ctrl-C ends it with 0")
    with Server(context.binary, home, ANY_PORT) as server:
        with check("logboom-smol", "", "newcomer: second start"):
            require(secret not in server.log_text(), "the secret is printed although this is no terminal")
        with check("kcat", client.version if client else "", "newcomer: kcat -F client.conf"):
            if not client:
                raise Skip("kcat is missing")
            send_with_kcat(server, home)
        with check("logboom-smol", "", "newcomer: send, read"):
            sent = server.command("send", DEMO, stdin=b"hello from send\n")
            require(sent.returncode == 0, f"send exited with {sent.returncode}: {sent.stderr.decode()}")
            check_lines(server, [b"hello from kcat"] * bool(client) + [b"hello from send"])
        with check("logboom-smol", "", "newcomer: port in use"):
            port_in_use(context, server)
        with check("logboom-smol", "", "newcomer: folder in use"):
            refused(context.binary, home, ANY_PORT, "LB0201")
        with check("logboom-smol", "", "newcomer: ctrl-C") as notes:
            code = server.interrupt(STOP_SECONDS)
            require(code == 0, f"serve exited with {code}")
            notes.append(f"within {STOP_SECONDS} s, exit code 0")
    with check("logboom-smol", "", "newcomer: still there later"):
        with Server(context.binary, home, ANY_PORT) as server:
            check_lines(server, [b"hello from kcat"] * bool(client) + [b"hello from send"])


def first_start_on_a_terminal(binary, home):
    """Starts the demo on a pseudo terminal; returns the secret, which it must show exactly there."""
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        [str(binary), "serve", *ANY_PORT],
        cwd=home,
        env=environment(),
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    )
    os.close(inside)
    os.set_blocking(terminal, False)
    shown = bytearray()

    def ready():
        shown.extend(read_what_is_there(terminal))
        require(process.poll() is None, f"serve exited: {shown.decode(errors='replace')}")
        return re.search(rb"\bready\b", shown)

    try:
        wait.until("`ready` on the terminal", ready, START_SECONDS)
        conf = home / CLIENT_CONF
        secret = re.search(r"^sasl\.password\s*=\s*\S+#(\S+)$", conf.read_text(), re.MULTILINE).group(1)
        require(secret.encode() in shown, "the secret is not shown on the terminal")
        require(conf.stat().st_mode & 0o777 == 0o600, f"mode of client.conf is {conf.stat().st_mode:o}")
        process.send_signal(signal.SIGINT)
        wait.until("the end after ctrl-C", lambda: process.poll() is not None, STOP_SECONDS)
        require(process.returncode == 0, f"serve exited with {process.returncode}")
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
    return secret


def read_what_is_there(terminal):
    """What was printed since the last time."""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # Nothing yet, or the other side is gone.
        return b""


def send_with_kcat(server, home):
    """What the start page tells newcomers to type, and without a word of complaint from kcat."""
    code, said = kcat.run(["kcat", "-F", str(home / CLIENT_CONF), "-P", "-t", "demo"], b"hello from kcat\n")
    require(code == 0, f"kcat exited with {code}: {said}")
    require("FAIL" not in said and "ERROR" not in said, f"kcat complains: {said}")
    require(server.is_running(), "the server has ended")


def check_lines(server, wanted):
    """The demo Logstore holds these lines and no other."""
    done = server.command("read", DEMO, "--from", "earliest", "--format", "json", "--with-offsets")
    require(done.returncode == 0, f"read exited with {done.returncode}: {done.stderr.decode()}")
    stored = sorted(
        re.search(rb'"content":\s*"([^"]*)"', line).group(1) for line in done.stdout.splitlines()
    )
    require(stored == sorted(wanted), f"stored {stored}, sent {wanted}")


def port_in_use(context, server):
    """A second demo elsewhere on the same port says what is wrong, and does not disturb the first."""
    elsewhere = context.folder / "elsewhere"
    elsewhere.mkdir()
    said = refused(context.binary, elsewhere, ["--listen", f"127.0.0.1:{server.port}"], "LB0203")
    require(f"127.0.0.1:{server.port}" in said, f"the address is not named: {said}")
    require(server.is_running(), "the first server has ended")


def refused(binary, folder, arguments, code):
    """Runs a `serve` that must end at once with a message of this code; returns the message."""
    done = subprocess.run(
        [str(binary), "serve", *arguments],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=START_SECONDS,
    )
    said = done.stdout.decode(errors="replace")
    require(done.returncode == 1, f"serve exited with {done.returncode}: {said}")
    require(code in said, f"serve does not say {code}: {said}")
    return said
