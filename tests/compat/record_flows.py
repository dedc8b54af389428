"""Plays the scenarios of `flows/` and writes what came of them.

Run it with an interpreter that has Prefect 1.4.1, to record what that version does:

    python tests/compat/record_flows.py > tests/compat/flows/recorded.json
"""

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path


def main():
    """Write all outcomes to standard output, as JSON."""
    with tempfile.TemporaryDirectory() as home:
        # Prefect reads these while it is imported.
        for name in [name for name in os.environ if name.startswith("PREFECT__")]:
            del os.environ[name]
        os.environ["PREFECT__HOME_DIR"] = str(Path(home) / ".prefect")
        os.environ["PREFECT__USER_CONFIG_PATH"] = str(Path(home) / ".prefect" / "config.toml")
        sys.path.insert(0, str(Path(__file__).resolve().parent / "flows"))
        import harness

        wanted = sys.argv[1:]
        names = [
            name
            for name in sorted(harness.load_scenarios())
            if not wanted or any(name.startswith(each) for each in wanted)
        ]
        with contextlib.redirect_stdout(sys.stderr):
            outcomes = {name: harness.play(name) for name in names}
        lines = (f"{json.dumps(name)}: {json.dumps(outcomes[name], sort_keys=True)}" for name in names)
        print("{\n" + ",\n".join(lines) + "\n}")


if __name__ == "__main__":
    main()
