"""Runs while an image is built: can the flows in it be loaded there?

Copied into the image and run by whatever version of the library is there, so it uses little of it.

    python healthcheck.py '["/opt/prefect/flows/my-flow.prefect"]' '(3, 11)'
"""

import ast
import json
import sys

# ruff: noqa: T201 - what it prints is the output of the build


def main(paths: str, python: str) -> None:
    """Load flows, and end the process with 1 if one cannot be.

    Args:
        paths: JSON list of files with pickled flows.
        python: `(major, minor)` of the Python that pickled them.
    """
    print("Beginning health checks...")
    wanted, found = tuple(ast.literal_eval(python)), tuple(sys.version_info[:2])
    if json.loads(paths) and wanted != found:
        built, here = (f"{major}.{minor}" for major, minor in (wanted, found))
        sys.exit(
            f"The flows were pickled by Python {built}, and the image has Python {here}. Take a base image with "
            f"Python {built}, or store the flows as scripts."
        )
    print("System Version check: OK")

    from prefect.utilities.storage import flow_from_bytes_pickle

    for path in json.loads(paths):
        with open(path, "rb") as file:  # noqa: PTH123
            data = file.read()
        try:
            flow = flow_from_bytes_pickle(data)
        except Exception as exc:  # noqa: BLE001 - unpickling runs code of the user's
            sys.exit(f"{path} cannot be loaded in this image: {exc}")
        print(f"{path}: flow {flow.name!r} can be loaded: OK")
    print("All health checks passed.")


if __name__ == "__main__":
    main(*sys.argv[1:3])
