"""Runs a command and writes down what its process took: `python benchmarks/spent.py FILE COMMAND…`.

A small program of its own, because a process begins as a copy of the one that starts it, and the system counts that
copy's memory as the command's.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def _main() -> int:
    path, *command = sys.argv[1:]
    began = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    spent = {
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "megabytes": usage.ru_maxrss / 1024,
    }
    Path(path).write_text(json.dumps(spent))
    return process.returncode


if __name__ == "__main__":
    sys.exit(_main())
