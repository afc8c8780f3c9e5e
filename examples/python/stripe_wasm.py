"""Stripe through `stripe.wasm`, in Python: load it once, call it from many threads."""

import json
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from wasmtime import Engine, Store, WasiConfig
from wasmtime.component import Component, Linker, Variant


@dataclass(eq=False)
class StripeError(Exception):
    """Why a call failed; `failure` has the fields of the contract's record."""

    case: str  # "transient": an identical call may succeed later. Else "permanent".
    failure: dict[str, Any]

    def __str__(self) -> str:
        return str(self.failure["message"])


class Listed(NamedTuple):
    items: list[Any]
    next: str | None  # the cursor behind the last item; none where there are no more


class Stripe:
    """A connection: the properties a person writes in YAML. Thread-safe; the GIL is
    released while a call waits. At most `idle` instances are kept between calls."""

    def __init__(self, wasm: str | Path, properties: dict[str, Any], idle: int = 16) -> None:
        self._properties = properties
        self._idle = deque[Any](maxlen=idle)
        self._engine = Engine()
        self._component = Component.from_file(self._engine, str(wasm))
        self._linker = Linker(self._engine)
        self._linker.add_wasip2()
        self._linker.add_wasi_http()
        if "secretKey" in properties or "webhookSecrets" not in properties:
            _ = self._connection  # what is wrong with it is said now

    @cached_property
    def _connection(self) -> Any:  # of calls; a webhook needs none, and so no secret key
        return self._call("connections", "parse-connection", json.dumps(self._properties))

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
        secrets, tolerance = self._properties.get("webhookSecrets", []), self._properties.get("webhookTolerance")
        return json.loads(self._call("webhooks", "construct-event", text, signature, secrets, tolerance, received_at))

    def _listed(self, function: str, resource: str, method: str, args: Any, last: int | str | None) -> Listed:
        page = self._call("pages", function, self._connection, resource, method, json.dumps(args), last)
        return Listed([json.loads(item) for item in page.items], page.next)

    def _call(self, interface: str, function: str, *values: Any) -> Any:
        try:
            store, instance = self._idle.pop()
        except IndexError:
            store = Store(self._engine)
            store.set_wasi(WasiConfig())  # no files, no environment
            store.set_wasi_http()
            instance = self._linker.instantiate(store, self._component)
        exports = instance.get_export_index(store, f"lowcode:stripe/{interface}@0.1.0")
        called = instance.get_func(store, instance.get_export_index(store, function, exports))
        result = called(store, *values)
        self._idle.append((store, instance))  # not one that trapped
        if isinstance(result, Variant):
            raise StripeError(result.tag, vars(result.payload))
        return result
