"""Whether an SBOM is valid by CycloneDX's own JSON schema, in strict mode.

    python sbom_valid.py FILE     needs cyclonedx-python-lib[json-validation]
"""

import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def main() -> int:
    path = Path(sys.argv[1])
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(path.read_text())
    if wrong:
        print(f"{path} is no valid CycloneDX 1.6: {wrong}", file=sys.stderr)
        return 1
    print(f"{path.name} is valid CycloneDX 1.6")
    return 0


if __name__ == "__main__":
    sys.exit(main())
