#!/bin/sh
# Packages of EXTRA_PIP_PACKAGES are installed before the command runs, as in the images of Prefect 1.x.
set -eu
if [ -n "${EXTRA_PIP_PACKAGES:-}" ]; then
    # Not quoted: several packages are separated by spaces.
    # shellcheck disable=SC2086
    pip install --quiet --disable-pip-version-check ${EXTRA_PIP_PACKAGES}
fi
exec "$@"
