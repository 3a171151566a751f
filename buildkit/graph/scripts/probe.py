"""probe.py OUT: write what a base image is, as JSON."""

import json
import os
import platform
import sys

try:
    from importlib.metadata import distributions
    installed = {d.metadata["Name"]: d.version for d in distributions() if d.metadata["Name"]}
except ImportError:
    installed = {}

with open(sys.argv[1], "w") as f:
    libc, version = platform.libc_ver()
    json.dump({
        "python": platform.python_version(),
        "executable": sys.executable,
        "implementation": platform.python_implementation(),
        "libc": libc,
        "libcVersion": version,
        "machine": os.uname().machine,
        "installed": installed,
        "sitePackages": [p for p in sys.path if p.endswith(("site-packages", "dist-packages"))],
    }, f)
