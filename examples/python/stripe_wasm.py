"""Stripe through `stripe.wasm`, in Python: load it once, call it from many threads."""

import json
import os
from collections import deque
from typing import Any, NamedTuple

from wasmtime import Engine, Store, WasiConfig, component

_first: dict[str, int] = {}  # the process that made the first connection


class StripeError(Exception):
    """Why a call failed. `case` is "transient" where an identical call may succeed later,
    else "permanent"; `failure` has the fields of the contract's record, by their names."""

    def __init__(self, case: str, failure: dict[str, Any]) -> None:
        self.case, self.failure = case, failure

    def __str__(self) -> str:
        return str(self.failure["message"])


class Listed(NamedTuple):
    items: list[Any]
    next: str | None  # the cursor behind the last item; none where there are no more


class Stripe:
    """A connection: the properties a person writes in YAML. Thread-safe; the GIL is
    released while a call waits. At most `idle` instances are kept between calls."""

    def __init__(self, wasm: str | os.PathLike[str], properties: dict[str, Any], idle: int = 16) -> None:
        _check_process()
        self._idle = deque[Any](maxlen=idle)
        self._linker = component.Linker(Engine())
        self._linker.add_wasip2()
        self._linker.add_wasi_http()
        self._component = component.Component.from_file(self._linker.engine, os.fspath(wasm))
        # What is wrong with the properties is said now. Webhooks alone need no key: another
        # is in its place meanwhile, and out again before a call, which says what it lacks.
        is_keyless = "webhookSecrets" in properties and not {"secretKey", "auth"} & properties.keys()
        key = {"secretKey": f"sk_{properties.get('mode', 'test')}_none"} if is_keyless else {}
        self._connection = self._call("connections", "parse-connection", json.dumps(properties | key))
        vars(self._connection).update({"secret-key": None} if is_keyless else {})

    def request(self, resource: str, method: str, args: Any = None) -> Any:
        """Calls one method: ids first, then parameters, then options. Returns Stripe's answer."""
        return json.loads(self._call("requests", "request", self._connection, resource, method, json.dumps(args)).body)

    def list_all(self, resource: str, method: str, args: Any = None, *, limit: int) -> Listed:
        """Reads a list page by page, until it ends or there are `limit` items."""
        return self._listed("list-all", resource, method, args, limit)

    def list_page(self, resource: str, method: str, args: Any = None, cursor: str | None = None) -> Listed:
        """Reads one page: the first, or the one that the `next` of another names."""
        return self._listed("list-page", resource, method, args, cursor)

    def construct_event(self, payload: str | bytes, signature: str, received_at: int | None = None) -> Any:
        """Verifies a webhook with `webhookSecrets`: its body as it arrived, its header `stripe-signature`."""
        text = payload if isinstance(payload, str) else payload.decode(errors="replace")
        secrets, age = (vars(self._connection)[f"webhook-{name}"] for name in ("secrets", "tolerance"))
        return json.loads(self._call("webhooks", "construct-event", text, signature, secrets or [], age, received_at))

    def _listed(self, function: str, resource: str, method: str, args: Any, last: int | str | None) -> Listed:
        page = self._call("pages", function, self._connection, resource, method, json.dumps(args), last)
        return Listed([json.loads(item) for item in page.items], page.next)

    def _call(self, interface: str, function: str, *values: Any) -> Any:
        _check_process()
        # The wheel would cut such a number to 32 bits.
        if any(isinstance(value, float) or isinstance(value, int) and not 0 <= value < 2**32 for value in values):
            raise ValueError(f"{function}: limit and received_at are whole numbers from 0 to {2**32 - 1}")
        try:
            store, instance = self._idle.pop()
        except IndexError:
            store = Store(self._linker.engine)
            store.set_wasi(WasiConfig())  # no files, no environment
            store.set_wasi_http()
            instance = self._linker.instantiate(store, self._component)
        exports = instance.get_export_index(store, f"lowcode:stripe/{interface}@0.1.0")
        result = instance.get_func(store, instance.get_export_index(store, function, exports))(store, *values)
        # One that trapped is not kept, nor one whose memory a large call made grow for good.
        if len(json.dumps([values, result], default=vars)) < 1_000_000:
            self._idle.append((store, instance))
        if isinstance(result, component.Variant):
            raise StripeError(result.tag, vars(result.payload))
        return result


def _check_process() -> None:
    """The wheel's threads do not outlive a fork: a call would wait for them for ever."""
    if _first.setdefault("process", os.getpid()) != os.getpid():
        raise RuntimeError("a Stripe was made before this process was forked: make the first after it, or use 'spawn'")
