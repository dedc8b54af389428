"""What a process can know of itself; runs import a copy of this file."""

import gc
import json
import locale
import os
import random
import resource
import signal
import stat
import sys
import tempfile
import threading
import time
import uuid
import warnings
from pathlib import Path

import prefect

VERSION = 1

#: Said of each run by its agent, so that it differs from run to run.
OF_THE_RUN = ("FLOW_RUN_ID", "FLOW_RUN_NAME", "EPOCH", "CONTEXT")


def open_files():
    """Kinds of open descriptors; the connection to the API is one of them."""
    found = {}
    for number in range(256):
        try:
            mode = os.fstat(number).st_mode
        except OSError:
            continue
        target = str(Path(f"/proc/self/fd/{number}").readlink())
        kind = "socket" if stat.S_ISSOCK(mode) else target.partition(":")[0].partition("/#")[0]
        found.setdefault(kind, []).append(number)
    return {
        "standard": sorted({kind for kind, numbers in found.items() for number in numbers if number < 3}),
        "sockets": len(found.get("socket", [])),
        "pipes": len(found.get("pipe", [])),
        "others": sorted(
            Path(kind).suffix for kind, numbers in found.items() if kind.startswith("/") and max(numbers) > 2
        ),
    }


def write(path):
    """Write them to a file, as JSON."""
    same = {
        "directory": str(Path.cwd()),
        "environment": {
            name: value for name, value in os.environ.items() if not any(part in name for part in OF_THE_RUN)
        },
        "handlers": {
            number: str(signal.getsignal(number)).partition(" at 0x")[0] for number in signal.valid_signals()
        },
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "wakeup": signal.set_wakeup_fd(-1),
        "limits": {
            name: resource.getrlimit(getattr(resource, name))
            for name in dir(resource)
            if name.startswith("RLIMIT_")
        },
        "umask": (mask := os.umask(0), os.umask(mask))[0],
        "nice": os.nice(0),
        "own session": (os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid()),
        "argv": sys.argv[1:],
        "orig_argv": sys.orig_argv[1:],
        "path": sys.path,
        "flags": str(sys.flags),
        "executable": sys.executable,
        "main": sys.modules["__main__"].__name__,
        "recursion": sys.getrecursionlimit(),
        "switch": sys.getswitchinterval(),
        "locale": (locale.getlocale(), sys.getfilesystemencoding(), sys.stdout.encoding),
        "zone": (time.tzname, os.environ.get("TZ")),
        "gc": (gc.isenabled(), gc.get_threshold()),
        "filters": [str(one[:3]) for one in warnings.filters],
        "files": open_files(),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "settings": str(prefect.config.logging.level) + str(prefect.config.cloud.api),
        "version": VERSION,
    }
    own = {
        "pid": os.getpid(),
        "random": random.random(),
        "uuid": str(uuid.uuid4()),
        "temporary": next(tempfile._get_candidate_names()),
        "run": str(prefect.context.flow_run_id),
    }
    Path(path).write_text(json.dumps({"same": same, "own": own}, default=str), encoding="utf-8")
