"""Pushes a component to an OCI registry of its own and pulls it again, as RELEASING.md
says, and looks at what the registry then holds.

    python registry.py WKG WASM_TOOLS STRIPE.WASM     needs Debian's docker-registry
"""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.wasm.config.v0+json"
LAYER = "application/wasm"

# Which annotation says what of the component's metadata; `wkg oci push` reads none.
ANNOTATIONS = {
    "description": "org.opencontainers.image.description",
    "licenses": "org.opencontainers.image.licenses",
    "source": "org.opencontainers.image.source",
    "homepage": "org.opencontainers.image.url",
    "revision": "org.opencontainers.image.revision",
    "version": "org.opencontainers.image.version",
}


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """Runs one on a port that is free, without TLS, and tells its address."""
    settings = {
        "version": "0.1",
        "log": {"level": "info", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
        "http": {"addr": "127.0.0.1:0"},
    }
    file, log = folder / "config.yml", folder / "log"
    file.write_text(json.dumps(settings))  # JSON is YAML
    with log.open("w") as said, subprocess.Popen(["docker-registry", "serve", str(file)], stderr=said) as process:
        try:
            while not (found := re.search(r"listening on (127\.0\.0\.1:\d+)", log.read_text())):
                if process.poll() is not None:
                    sys.exit(f"docker-registry ended before it listened:\n{log.read_text()}")
                time.sleep(0.05)
            yield found[1]
        finally:
            process.kill()


def ran(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


def got(url: str) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": MANIFEST}), timeout=30) as answer:
        return json.load(answer)


def main() -> int:
    wkg, wasm_tools, path = sys.argv[1:4]
    wasm = Path(path).read_bytes()
    metadata = json.loads(ran(wasm_tools, "metadata", "show", "--json", path))["component"]["metadata"]
    annotations = {name: metadata[field] for field, name in ANNOTATIONS.items() if metadata[field]}
    arguments = [word for name, text in annotations.items() for word in ("--annotation", f"{name}={text}")]
    with tempfile.TemporaryDirectory() as temporary, registry(Path(temporary)) as address:
        reference, back = f"{address}/stripe:{metadata['version']}", Path(temporary) / "back.wasm"
        ran(wkg, "oci", "push", "--insecure", address, reference, path, *arguments)
        ran(wkg, "oci", "pull", "--insecure", address, reference, "-o", str(back))
        manifest = got(f"http://{address}/v2/stripe/manifests/{metadata['version']}")
        config = got(f"http://{address}/v2/stripe/blobs/{manifest['config']['digest']}")
        pulled = back.read_bytes()
    digest = f"sha256:{hashlib.sha256(wasm).hexdigest()}"
    layers = [(layer["mediaType"], layer["digest"]) for layer in manifest["layers"]]
    wrong = [
        what
        for what, right in {
            "what was pulled is not what was pushed": pulled == wasm,
            f"the manifest is no {MANIFEST}": manifest["mediaType"] == MANIFEST,
            f"the config is no {CONFIG}": manifest["config"]["mediaType"] == CONFIG,
            f"the layers are not one {LAYER} of {digest}: {layers}": layers == [(LAYER, digest)],
            f"the annotations are {manifest.get('annotations')}": manifest.get("annotations") == annotations,
            f"the config lists the exports {config['component']['exports']}": any(
                name.startswith("lowcode:stripe/requests@") for name in config["component"]["exports"]
            ),
        }.items()
        if not right
    ]
    for what in wrong:
        print(what, file=sys.stderr)
    if not wrong:
        print(f"{ran(wkg, '--version').strip()}: pushed and pulled {len(wasm)} bytes, {digest}")
        print("\n".join(f"  {name}={text}" for name, text in annotations.items()))
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main())
