#!/usr/bin/env python3
"""Pays orders by two Obelisk nodes over one PostgreSQL, kills one node half way, and
counts what was paid.

    run.py --obelisk PROGRAM --harness PROGRAM --stripe STRIPE.WASM --billing BILLING.WASM
           [--count 1000] [--seed 1] [--keep]

Everything it starts is its own: a database cluster without a network port, a sandbox
in place of Stripe that fails as faults.yaml says, the two nodes. All of it is in one
temporary folder, which is removed in the end unless --keep is given. What must hold is
checked at the end of `main`; the exit code says whether it did.
"""

import argparse
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PAY = "shop:billing/workflows.pay"
INVOICE = "shop:billing/workflows.invoice"
REQUEST = "lowcode:stripe/requests@0.1.0.request"
# How long an answer does not come, in milliseconds, and a lock that is shorter, in seconds.
STALL, LOCK = 25_000, 5
# What the component says of a host that the node refuses.
DENIED = "does not allow requests"
# Longest that anything may take, in seconds; a machine that is busy is slow.
PATIENCE = 1800


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def fetch(url: str, method: str = "GET", body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, str]:
    """Status and text of an answer."""
    data = None if body is None else json.dumps(body).encode()
    sent = {"content-type": "application/json", "accept": "application/json", **(headers or {})}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, sent, method=method), timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def until(what: str, done: Any, every: float = 0.2) -> Any:
    """The first result of `done` that counts as true."""
    begun = time.monotonic()
    while not (result := done()):
        if time.monotonic() - begun > PATIENCE:
            sys.exit(f"{what}: not within {PATIENCE} s")
        time.sleep(every)
    return result


class Database:
    """A cluster in a folder, reached by a socket in it."""

    def __init__(self, folder: Path) -> None:
        found = shutil.which("initdb") or next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)
        if not found:
            sys.exit("PostgreSQL's initdb is not here: install PostgreSQL (Debian: postgresql)")
        self.programs = Path(found).resolve().parent
        self.folder, self.socket = folder, folder / "socket"
        self.socket.mkdir(parents=True)
        # PostgreSQL refuses to be root.
        self.user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self.user:
            for path in (folder, self.socket):
                shutil.chown(path, "postgres")
        self.run("initdb", "-D", folder / "data", "-U", "obelisk", "--auth=trust", "--encoding=UTF8")
        log = (folder.parent / "postgres.log").open("w")
        # Obelisk has no setting for the port, but finds the socket that is named after it.
        command = [*self.user, str(self.programs / "postgres"), "-D", str(folder / "data")]
        command += ["-p", "5432", "-k", str(self.socket), "-c", "listen_addresses="]
        self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", start_new_session=True)
        until("PostgreSQL's start", lambda: self.run("pg_isready", "-h", self.socket, check=False) is not None)

    def run(self, program: str, *arguments: Any, check: bool = True) -> str | None:
        command = [*self.user, str(self.programs / program), *map(str, arguments)]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True)
        if done.returncode and check:
            sys.exit(f"{program}: {done.stderr}")
        return None if done.returncode else done.stdout

    def query(self, statement: str) -> list[list[str]]:
        arguments = ["-h", self.socket, "-U", "obelisk", "-d", "obelisk", "-At", "-F", "\t", "-c", statement]
        return [line.split("\t") for line in (self.run("psql", *arguments) or "").splitlines()]

    def dump(self) -> str:
        """All there is, as text."""
        return self.run("pg_dump", "-h", self.socket, "-U", "obelisk", "obelisk") or ""

    def stop(self) -> None:
        self.run("pg_ctl", "stop", "-D", self.folder / "data", "-m", "fast", check=False)
        self.process.wait()


class Sandbox:
    """Stripe's stand-in, which logs every request and the fault it met."""

    LINE = re.compile(r"^\S+ (?P<verb>\S+) \S+ (?P<operation>\S+) \S+ (?P<status>\S+) ")

    def __init__(self, harness: str, folder: Path, name: str, seed: int | None = None) -> None:
        """Without a seed nothing fails, but what a request asks for."""
        self.log = folder / f"{name}.log"
        command = [harness, "sandbox", "--port", "0", "--log-requests"]
        if seed is not None:
            faults = (HERE / "faults.yaml").read_text(encoding="utf-8").replace("seed: 1\n", f"seed: {seed}\n", 1)
            (folder / "faults.yaml").write_text(faults, encoding="utf-8")
            command += ["--faults", str(folder / "faults.yaml")]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log.open("w"), encoding="utf-8")
        assert self.process.stdout
        self.origin = self.process.stdout.readline().strip()

    def all(self, path: str) -> list[dict[str, Any]]:
        """Everything in a list, page by page, whatever the faults say. With a key of
        its own: the account is the same for all."""
        headers = {"authorization": "Bearer sk_test_reader", "x-sandbox-fault": "none"}
        items: list[dict[str, Any]] = []
        while True:
            after = f"&starting_after={items[-1]['id']}" if items else ""
            status, text = fetch(f"{self.origin}{path}?limit=100{after}", headers=headers)
            assert status == 200, text
            page = json.loads(text)
            items += page["data"]
            if not page["has_more"]:
                return items

    def payments(self, order: str) -> list[str]:
        """Ids of an order's payments."""
        return [it["id"] for it in self.all("/v1/payment_intents") if it["metadata"].get("order") == order]

    def requests(self, operation: str) -> list[dict[str, str]]:
        """What arrived for an operation: `status`, `key`, and `fault` where there was one."""
        found = []
        for line in self.log.read_text(encoding="utf-8").splitlines():
            match = self.LINE.match(line)
            if match and match["operation"] == operation:
                words = dict(word.split("=", 1) for word in line.split() if "=" in word)
                found.append({"status": match["status"], **words})
        return found

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


class Node:
    """An Obelisk server, started by `obelisk server run` with these arguments."""

    def __init__(self, name: str, program: str, arguments: list[str], folder: Path, environment: dict[str, str]) -> None:
        self.name, port = name, free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [program, "server", "run", *arguments]
        mine = {"OBELISK__API__LISTENING_ADDR": f"127.0.0.1:{port}"}
        # A cache of its own, as on another machine.
        mine |= {"OBELISK__WASM__CACHE_DIRECTORY": str(folder / name / "wasm")}
        mine |= {"OBELISK__WASM__CODEGEN_CACHE__DIRECTORY": str(folder / name / "codegen")}
        log = (folder / f"{name}.log").open("w")
        self.process = subprocess.Popen(
            command, stdout=log, stderr=log, env={**environment, **mine}, cwd=folder, start_new_session=True
        )
        until(f"the start of {name}, see {folder / f'{name}.log'}", self.answers)

    def answers(self) -> bool:
        if self.process.poll() is not None:
            sys.exit(f"{self.name} ended at its start: see its log with --keep")
        try:
            return fetch(f"{self.url}/v1/functions")[0] == 200
        except OSError:
            return False

    def submit(self, execution: str, function: str, parameters: list[Any]) -> None:
        """The id is the caller's, so submitting again starts nothing twice."""
        status, text = fetch(f"{self.url}/v1/executions/{execution}", "PUT", {"ffqn": function, "params": parameters})
        assert status in (200, 201), f"{status} {text}"

    def result(self, execution: str) -> dict[str, Any] | None:
        """`{"ok": …}`, `{"error": …}`, `{"execution_failure": …}`, or nothing yet."""
        status, text = fetch(f"{self.url}/v1/executions/{execution}")
        if status == 425:
            return None
        assert status == 200, f"{status} {text}"
        answer: dict[str, Any] = json.loads(text)
        return answer

    def call(self, function: str, parameters: list[Any]) -> tuple[str, dict[str, Any]]:
        execution = new_id()
        self.submit(execution, function, parameters)
        return execution, until(f"{function} {execution}", lambda: self.result(execution))

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()


def deployed(folder: Path, stripe: str, billing: str, *changes: tuple[str, str]) -> Path:
    """The deployment in a folder, with these of its lines changed."""
    shutil.copy(stripe, folder / "stripe.wasm")
    shutil.copy(billing, folder / "billing.wasm")
    text = (HERE / "deployment.toml").read_text(encoding="utf-8")
    for line, other in changes:
        assert text.count(f"{line}\n") == 1, f"deployment.toml has no line {line}"
        text = text.replace(f"{line}\n", f"{other}\n")
    path = folder / "deployment.toml"
    path.write_text(text, encoding="utf-8")
    return path


def sqlite(folder: Path) -> dict[str, str]:
    """The environment of a node that has the folder to itself, and no PostgreSQL."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "OBELISK__DATABASE__SQLITE__DIRECTORY": str(folder / "database"),
        "OBELISK__WEBUI__ENABLED": "false",
        "OBELISK__EXTERNAL__ENABLED": "false",
    }


def new_id() -> str:
    """An execution's id, as `obelisk generate execution-id` makes them: a ULID."""
    number = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
    digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    return "E_" + "".join(digits[number >> shift & 31] for shift in range(125, -1, -5))


class Checks:
    """What must hold, each said on a line of its own."""

    failed = 0

    def that(self, holds: bool, what: str) -> None:
        print(f"{'ok  ' if holds else 'FAIL'}  {what}", flush=True)
        self.failed += not holds


def amount(order: int) -> int:
    return 1_000 + order % 977


def errors(node: Node, sandbox: Sandbox, database: Database, checks: Checks) -> None:
    """What goes wrong comes out as Obelisk's own kind of error, and the node stays up."""

    def runs(execution: str) -> int:
        """How often the activity ran for it."""
        of = f"execution_id = '{execution}' or execution_id like '{execution}.%'"
        which = f"({of}) and variant = 'locked' and ffqn = '{REQUEST}'"
        return int(database.query(f"select count(*) from t_execution_log join t_state using (execution_id) where {which}")[0][0])

    order = {"id": "declined", "amount": 500, "currency": "eur"}
    execution, answer = node.call(PAY, [order, "pm_card_chargeDeclined", sandbox.origin])
    failure = answer.get("error", {}).get("permanent", {})
    checks.that(failure.get("code") == "card_declined", f"a declined card: permanent, {failure.get('message')}")
    sent = [it for it in sandbox.requests("paymentIntents.create") if it.get("key") == f"{execution}-pay"]
    last = [it for it in sent if it["status"] == "402" and "fault" not in it]
    checks.that(len(last) == 1, f"  and it was answered once ({len(sent)} requests, {len(sent) - len(last)} of them to faults)")

    connection = {"base_url": sandbox.origin}
    _, answer = node.call(REQUEST, [connection, "customers", "crate", "[]"])
    failure = answer.get("error", {}).get("permanent", {})
    checks.that(failure.get("type") == "argument_error", f"an unknown method: permanent, {failure.get('message')}")

    # Allowed, but nothing listens there: the port is reserved.
    execution, answer = node.call(REQUEST, [{"base_url": "http://127.0.0.1:1", "max_network_retries": 0}, "customers", "list", "[]"])
    failure, ran = answer.get("error", {}).get("transient", {}), runs(execution)
    checks.that(failure.get("type") == "connection_error" and ran == 1, f"a network that is down: transient, in {ran} run, {failure.get('message')}")
    execution, answer = node.call(PAY, [{**order, "id": "down"}, "pm_card_visa", "http://127.0.0.1:1"])
    failure, ran = answer.get("error", {}).get("transient", {}), runs(execution)
    checks.that(failure.get("type") == "connection_error" and ran == 9, f"  and in a workflow: transient, in {ran} runs")

    _, answer = node.call(REQUEST, [{"base_url": "http://127.0.0.2:1"}, "customers", "list", "[]"])
    failure = answer.get("error", {}).get("permanent", {})
    checks.that(bool(failure), f"a host that is not allowed: permanent, {failure.get('message')}")
    checks.that(node.answers(), "the node is still up")


def payment(sandbox: Sandbox, order: str, key: str | None = None, stall: bool = True) -> list[Any]:
    """Parameters of a call that pays, by a connection with defaults. Its first answer
    does not come for a while, unless told otherwise."""
    card = {"payment_method": "pm_card_visa", "payment_method_types": ["card"], "confirm": True}
    params = {"amount": 2000, "currency": "eur", **card, "metadata": {"order": order}}
    options: dict[str, Any] = {"idempotencyKey": key} if key else {}
    if stall:
        options["headers"] = {"x-sandbox-fault": f"stall-headers; ms={STALL}; commit=after; attempts=1"}
    return [{"base_url": sandbox.origin}, "paymentIntents", "create", json.dumps([params, options])]


def hosts(given: argparse.Namespace, folder: Path, started: list[Any], checks: Checks) -> None:
    """Without STRIPE_ORIGIN, all of Stripe's hosts are allowed and no other one. The
    calls are over before anything but a greeting can arrive there."""
    folder = folder / "hosts"
    folder.mkdir()
    environment = {**sqlite(folder), "STRIPE_SECRET_KEY": "sk_test_hosts"}
    deployment = deployed(folder, given.stripe, given.billing)
    [activity] = tomllib.loads(deployment.read_text(encoding="utf-8"))["activity_wasm"]
    holders = [it["pattern"] for it in activity["allowed_host"] if it.get("secrets")]
    checks.that(len(holders) == 1, f"one entry holds the key for all hosts, or but the first would get a placeholder of another: {holders}")
    node = Node("node", given.obelisk, ["--deployment", str(deployment)], folder, environment)
    started.append(node)
    quick = {"timeout": 1, "max_network_retries": 0}
    calls = [
        ("api", "customers", "list", []),
        ("files", "files", "create", [{"purpose": "dispute_evidence", "file": {"data": "eA==", "name": "x.txt", "type": "text/plain"}}]),
        ("files", "quotes", "pdf", ["qt_1"]),
        ("connect", "oauth", "token", [{"grant_type": "authorization_code", "code": "ac_1"}]),
        ("meter-events", "v2.billing.meterEventStream", "create", [{"events": []}]),
    ]
    for host, *call, args in calls:
        _, plan = node.call("lowcode:stripe/requests@0.1.0.plan", [{}, *call, json.dumps(args)])
        _, answer = node.call(REQUEST, [quick, *call, json.dumps(args)])
        [failure] = answer.get("error", {"": {}}).values()
        to = f"https://{host}.stripe.com/" in json.dumps(plan)
        checks.that(to and DENIED not in failure.get("message", DENIED), f"{'.'.join(call)} may go to {host}.stripe.com: {failure.get('message')}")
    for origin in ("https://stripe.com.example", "https://stripe.example", "http://api.stripe.com", "https://api.stripe.com:8443"):
        _, answer = node.call(REQUEST, [{**quick, "base_url": origin}, "customers", "list", "[]"])
        [failure] = answer.get("error", {"": {}}).values()
        checks.that(DENIED in failure.get("message", ""), f"{origin} is refused: {failure.get('message')}")
    node.stop()


def lost(given: argparse.Namespace, folder: Path, started: list[Any], calm: Sandbox, checks: Checks) -> None:
    """Calls that outlast the activity's lock, and calls whose node is killed, are not
    made again by the engine, whether they have a key or not. The deployment is the one
    that is shipped, but for the lock."""
    folder = folder / "lost"
    folder.mkdir()
    environment = {**sqlite(folder), "STRIPE_ORIGIN": calm.origin, "STRIPE_SECRET_KEY": "sk_test_lost"}
    lock = ("exec.lock_expiry.seconds = 300", f"exec.lock_expiry.seconds = {LOCK}")
    arguments = ["--deployment", str(deployed(folder, given.stripe, given.billing, lock))]
    for how, key in {"slower than the lock": "run-slow", "whose node is killed": "run-killed"}.items():
        node = Node("node", given.obelisk, arguments, folder, environment)
        started.append(node)
        executions = {}
        for order, given_key in {f"no key, {how}": None, f"key, {how}": key}.items():
            executions[order] = new_id()
            node.submit(executions[order], REQUEST, payment(calm, order, given_key))
            until(f"the payment of {order}", lambda: calm.payments(order))
        if "killed" in how:
            node.stop(signal.SIGKILL)
            node = Node("node", given.obelisk, arguments, folder, environment)
            started.append(node)
        for order, execution in executions.items():
            answer = until(order, lambda: node.result(execution))
            # For as long as a repetition would take.
            time.sleep(2)
            paid = calm.payments(order)
            over = answer.get("execution_failure", {}).get("kind") == "timed_out"
            checks.that(over and len(paid) == 1, f"a call ({order}): {len(paid)} payment, {json.dumps(answer)}")
        _, answer = node.call(REQUEST, payment(calm, order, key, stall=False))
        same = [json.loads(answer.get("ok", {}).get("body", "{}")).get("id")]
        checks.that(same == paid == calm.payments(order), "  submitted again with its key: the same payment")
        node.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    for name in ("obelisk", "harness", "stripe", "billing"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    # What was started ends with this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="stripe-obelisk-"))
    folder.chmod(0o755)  # PostgreSQL's user passes through
    started: list[Any] = []
    try:
        return trial(given, folder, started)
    finally:
        for it in reversed(started):
            it.stop()
        if given.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def trial(given: argparse.Namespace, folder: Path, started: list[Any]) -> int:
    checks = Checks()
    key = f"sk_test_obelisk{secrets.token_hex(16)}"
    deployment = ["--deployment", str(deployed(folder, given.stripe, given.billing))]
    sandbox = Sandbox(given.harness, folder, "sandbox", given.seed)
    started.append(sandbox)
    calm = Sandbox(given.harness, folder, "calm")
    started.append(calm)
    database = Database(folder / "database")
    started.append(database)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "POSTGRES_HOST": str(database.socket),
        "POSTGRES_USER": "obelisk",
        "POSTGRES_DATABASE": "obelisk",
        # Any port, for a call to one where nothing listens.
        "STRIPE_ORIGIN": "http://127.0.0.1:*",
    }
    server = ["--server-config", str(HERE / "server.toml")]
    verify = [given.obelisk, "server", "verify", *server, *deployment]
    refused = subprocess.run(verify, env=environment, cwd=folder, capture_output=True, text=True)
    said = next((line for line in (refused.stdout + refused.stderr).splitlines() if "STRIPE_SECRET_KEY" in line), "")
    checks.that(refused.returncode != 0 and bool(said), f"a missing key: the node does not start, {said.strip()}")
    environment["STRIPE_SECRET_KEY"] = key
    # The first node brings the deployment; the other finds it in the database.
    victim = Node("node-1", given.obelisk, [*server, *deployment], folder, environment)
    started.append(victim)
    survivor = Node("node-2", given.obelisk, server, folder, environment)
    started.append(survivor)
    nodes = [victim, survivor]

    # While the rest goes on.
    slow, begun = new_id(), time.monotonic()
    survivor.submit(slow, REQUEST, payment(calm, "slow"))

    errors(survivor, sandbox, database, checks)
    hosts(given, folder, started, checks)
    lost(given, folder, started, calm, checks)
    answer = until("the slow call", lambda: survivor.result(slow))
    paid_slow = calm.payments("slow")
    checks.that(
        [json.loads(answer.get("ok", {}).get("body", "{}")).get("id")] == paid_slow,
        f"a call without a key whose answer takes {STALL // 1000} s: {len(paid_slow)} payment, and its answer",
    )
    order = {"id": "invoice-1", "amount": 9900, "currency": "usd"}
    _, answer = victim.call(INVOICE, [order, "ada@example.com", "Ada Lovelace", sandbox.origin])
    invoices = sandbox.all("/v1/invoices")
    sent = [it["id"] for it in invoices if it["status"] == "open" and it["amount_due"] == 9900]
    checks.that(sent == [answer.get("ok")] and len(invoices) == 1, f"the invoice flow: {answer.get('ok')}, open, 9900 due")

    upload = {"purpose": "dispute_evidence", "file": {"data": {"base64": "JVBERg=="}, "name": "e.pdf", "type": "application/pdf"}}
    _, answer = victim.call(REQUEST, [{"base_url": calm.origin}, "files", "create", json.dumps([upload])])
    file = json.loads(answer.get("ok", {}).get("body", "{}"))
    checks.that(file.get("size") == 4, f"a file of four bytes: {file.get('id')}, {file.get('size')} bytes")

    # Payments of what came before do not count.
    before = {payment["id"] for payment in sandbox.all("/v1/payment_intents")}
    begun = time.monotonic()
    orders = {new_id(): number for number in range(given.count)}

    def submit(execution: str, number: int) -> None:
        order = {"id": f"order-{number}", "amount": amount(number), "currency": "usd"}
        nodes[number % 2].submit(execution, PAY, [order, "pm_card_visa", sandbox.origin])

    with ThreadPoolExecutor(8) as clients:
        list(clients.map(submit, orders, orders.values()))
    unfinished = "is_top_level and state <> 'finished'"
    left = f"select count(*) from t_state where {unfinished}"
    until("a third of the payments", lambda: int(database.query(left)[0][0]) <= given.count * 2 // 3, every=0.02)
    victim.stop(signal.SIGKILL)
    killed = time.monotonic()
    at_kill = int(database.query(left)[0][0])
    print(f"      kill -9 of {victim.name} after {killed - begun:.1f} s, {given.count - at_kill} of {given.count} paid", flush=True)
    until("the rest of the payments", lambda: int(database.query(left)[0][0]) == 0)
    ended = time.monotonic()

    answers = {execution: survivor.result(execution) or {} for execution in orders}
    failed = {execution: answer for execution, answer in answers.items() if "ok" not in answer}
    checks.that(not failed, f"{len(orders) - len(failed)} of {given.count} workflows succeeded {list(failed.items())[:3] or ''}")
    payments = [payment for payment in sandbox.all("/v1/payment_intents") if payment["id"] not in before]
    paid = Counter(payment["metadata"]["order"] for payment in payments if payment["status"] == "succeeded")
    checks.that(len(payments) == given.count, f"{len(payments)} payments in the sandbox")
    twice = sum(times > 1 for times in paid.values())
    checks.that(len(paid) == given.count and not twice, f"{len(paid)} orders paid, {twice} of them twice")
    charges = sandbox.all("/v1/charges")
    captured = sum(charge["amount"] for charge in charges if charge["status"] == "succeeded")
    due = sum(map(amount, range(given.count)))
    checks.that(captured == due, f"{captured} charged, {due} due")
    checks.that({answer.get("ok") for answer in answers.values()} == {it["id"] for it in payments}, "each workflow holds the id of its payment")

    calls = [it for it in sandbox.requests("paymentIntents.create") if it.get("key", "").split("-")[0] in orders]
    keys = Counter(it["key"] for it in calls)
    checks.that(set(keys) == {f"{execution}-pay" for execution in orders}, "every idempotency key is that of its execution")
    faults = Counter(it["fault"] for it in calls if "fault" in it)
    print(f"      {len(calls)} requests for {len(keys)} keys; {sum(faults.values())} met a fault: {dict(faults)}")
    [[resumed]] = database.query("select count(distinct execution_id) from t_execution_log where variant = 'temporarily_timed_out'")
    cancelled = f"ffqn = '{REQUEST}' and result_kind #>> '{{err,execution_failure}}' = 'cancelled'"
    [[again]] = database.query(f"select count(*) from t_state where {cancelled}")
    went_on = f"{resumed} workflows went on on {survivor.name}, {again} calls were taken back and made again"
    checks.that(int(resumed) + int(again) > 0, f"under way on {victim.name}: {went_on}")
    done = f"select json_value #>> '{{locked,executor_id}}', count(*) from t_execution_log join t_state using (execution_id) where variant = 'locked' and t_state.ffqn = '{REQUEST}' group by 1"
    print(f"      runs of the activity by each node: {' and '.join(row[1] for row in database.query(done))}")
    print(f"      {ended - begun:.1f} s, {given.count / (ended - begun):.1f} payments a second; after the kill {ended - killed:.1f} s")

    survivor.stop()
    dump = database.dump()
    some = next(iter(orders))
    found = [name for name, form in forms(key).items() if form in dump]
    checks.that(some in dump and "pm_card_visa" in dump and not found, f"the key is in no table ({len(dump):,} characters) {found or ''}")
    database.stop()
    files = [path for path in folder.rglob("*") if path.is_file()]
    holding = [str(path) for path in files if any(form.encode() in path.read_bytes() for form in forms(key).values())]
    logs = sum(path.stat().st_size for path in files if path.suffix == ".log")
    checks.that(len(files) > 10 and not holding, f"the key is in no file of {len(files)}, logs of {logs:,} bytes among them {holding or ''}")
    version = subprocess.run([given.obelisk, "--version"], capture_output=True, text=True).stdout.split()[-1]
    per_call = (ended - begun) / given.count * 1000
    print(f"{'Obelisk':<12} {f'{version}, two nodes, one killed':<34} {len(paid):>3}/{given.count:<3} {per_call:>8.1f} ms")
    return int(checks.failed > 0)


def forms(key: str) -> dict[str, str]:
    """How a key could be written."""
    import base64

    return {"plain": key, "hex": key.encode().hex(), "base64": base64.b64encode(key.encode()).decode().rstrip("=")}


if __name__ == "__main__":
    sys.exit(main())
