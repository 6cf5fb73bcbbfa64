"""Errors of the disk, injected into single system calls of the release binary with strace."""

from dataclasses import dataclass

from harness import strace, wait
from harness.deployment import Deployment
from harness.fleet import Fleet
from harness.install import CONFLUENT
from harness.report import require
from harness.sample import some
from harness.shortwrites import short_writes

# How many cases of a start and of a running server are tried, evenly from all there are.
START_CASES, RUNNING_CASES = 15, 15
SHORT_WRITES = 50
SHARDS = 4
LOGSTORE = "faults"
EXIT_SECONDS = 20
START_SECONDS = 30
STORE_FAILED, START_FAILED = "LB0703", "LB0148"
ACKNOWLEDGEMENTS = 3
# Of calls that look alike, as the reads of one file, so many are tried.
CALLS_OF_A_KIND_MAX = 4
TAKE_SPACE = {"mkdir", "fallocate", "openat", "pwritev", "rename", "fsync"}
SEGMENT, MARK = "00000000000000000000.log", "mark"


@dataclass(frozen=True)
class Case:
    """A fault of the thread that commits, and whether the server must end because of it."""

    injection: str
    file: str
    ends: bool


def running_cases():
    """What can go wrong while a group is written, at its first, second and later calls."""
    for number in (1, 2, 3, 7):
        for error in ("EIO", "ENOSPC", "EDQUOT", "EROFS"):
            yield Case(f"fdatasync:error={error}:when={number}", SEGMENT, True)
            yield Case(f"pwritev:error={error}:when={number}", SEGMENT, True)
        yield Case(f"pwritev:retval=0:when={number}", SEGMENT, True)
        yield Case(f"pwritev:error=EINTR:when={number}", SEGMENT, False)
        yield Case(f"pwritev:error=EIO:when={number}", MARK, False)
    yield Case("pwritev:error=EINTR:when=1..20", SEGMENT, False)
    yield Case("pwritev:error=ENOSPC:when=1+", MARK, False)
    yield Case("fdatasync:error=EIO:when=1+", SEGMENT, True)


def run(context):
    """The newest client against one server, which is given one fault after the other."""
    client = context.of_name(CONFLUENT)[-1]
    check = context.report.check
    deployment = Deployment(context.folder, {LOGSTORE: SHARDS})
    with deployment.server(context.binary) as server, Fleet(context, deployment, LOGSTORE) as fleet:
        fleet.add(client, "idempotent", True)
        fleet.add(client, "plain", False)
        fleet.wait_for_acknowledgements(ACKNOWLEDGEMENTS)
        with check(client.name, client.version, "faults while it starts") as notes:
            strace.require_it()
            cases = start_cases(record_start(context, deployment, server))
            notes += fail_starts(context, server, fleet, some(cases, context.cycles or START_CASES))
        with check(client.name, client.version, "faults while it runs") as notes:
            strace.require_it()
            cases = some(list(running_cases()), context.cycles or RUNNING_CASES)
            notes += fail_running(context, deployment, server, fleet, cases)
        with check(client.name, client.version, "faults, short writes") as notes:
            notes += cut_writes_short(server, fleet, context.cycles or SHORT_WRITES)
        with check(client.name, client.version, "faults, history") as notes:
            if not server.is_running():
                server.start()
            fleet.stop()
            fleet.read(server, "end")
            notes.append(fleet.check_history())
            notes += [fleet.check_producer(name) for name in fleet.producers]


def record_start(context, deployment, server):
    """The calls that a start after a crash makes to its data."""
    server.kill()
    record = context.folder / "start.strace"
    server.start(strace.recorder(record, strace.CHANGES + strace.READS + strace.OPENS))
    points = strace.points(record, deployment.data_folder)
    # Whoever made the store may have been killed before its name was durable.
    named = any(one.call == "fsync" and "<>" in one.text for one in points)
    require(named, "the folder that has the store in it is not synced")
    return points


def start_cases(points):
    """(point, error): each point with each error that fits it."""
    cases, of_a_kind = [], {}
    for point in points:
        # Up to the name of the file; what comes behind it are contents.
        kind = point.text.split(">")[0].split(", 0")[0]
        of_a_kind[kind] = of_a_kind.get(kind, 0) + 1
        if of_a_kind[kind] <= CALLS_OF_A_KIND_MAX:
            errors = ["EIO", "ENOSPC"] if point.call in TAKE_SPACE else ["EIO"]
            cases += [(point, error) for error in errors]
    return cases


def fail_starts(context, server, fleet, cases):
    """Each time a start after a kill meets an error: it goes on all the same, or says why not and ends."""
    ready = unreached = 0
    for number, (point, error) in enumerate(cases):
        fleet.wait_for_acknowledgements(1)
        server.kill()
        log = context.folder / f"start-{number}.strace"
        what = f"{error} of {point.text[:80]}"
        server.spawn(strace.wrapper(log, point.injection(f"error={error}")))
        code = wait.until(f"a start with {what}", lambda: how_it_started(server), START_SECONDS)
        # A torn end of the log, or the lack of one, adds or takes away calls.
        unreached += not strace.was_injected(log)
        if code == "ready":
            ready += 1
        else:
            require(code == "1", f"a start with {what} ends with {code}")
            require(START_FAILED in server.log_text(), f"{what}: {server.log_text()[-300:]}")
            server.start()
    require(unreached <= len(cases) // 4, f"{unreached} of {len(cases)} faults were not reached")
    return [f"{len(cases)} cases: {ready} ready all the same, {len(cases) - ready} refused to start"]


def how_it_started(server):
    """`ready`, or the exit code as text; None while neither is known."""
    code = server.process.poll()
    if code is not None:
        return str(code)
    return "ready" if server.ready_line() else None


def fail_running(context, deployment, server, fleet, cases):
    """Each time an error meets the thread that commits: it ends the server, or does not matter."""
    ended = 0
    for number, case in enumerate(cases):
        fleet.wait_for_acknowledgements(ACKNOWLEDGEMENTS)
        log = context.folder / f"running-{number}.strace"
        path = deployment.data_folder / "store" / case.file
        with strace.attached(server, log, case.injection, path):
            strace.require_injected(log, case.injection)
            if case.ends:
                code = server.wait_for_end(EXIT_SECONDS)
                require(code == 1, f"with {case.injection} it ends with {code}")
                require(STORE_FAILED in server.log_text(), f"{case.injection}: {server.log_text()[-300:]}")
            else:
                fleet.wait_for_acknowledgements(ACKNOWLEDGEMENTS)
                require(server.is_running(), f"with {case.injection} it ends")
        if case.ends:
            ended += 1
            server.start()
    return [f"{len(cases)} cases: {ended} ended it, {len(cases) - ended} did not matter"]


def cut_writes_short(server, fleet, count):
    """The thread that commits finds all its writes cut short, and goes on where each one ended."""
    if not server.is_running():
        server.start()
    fleet.wait_for_acknowledgements(ACKNOWLEDGEMENTS)
    with short_writes(server, count) as shorteners:
        while cut(shorteners) < count and not any(one.problem for one in shorteners):
            fleet.wait_for_acknowledgements(ACKNOWLEDGEMENTS)
    server.start()
    fleet.wait_for_acknowledgements(ACKNOWLEDGEMENTS)
    return [f"{cut(shorteners)} writes cut short"]


def cut(shorteners):
    """How many writes have been cut short."""
    return sum(one.cut for one in shorteners)
