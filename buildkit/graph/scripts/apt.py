"""apt.py PACKAGE…: install Debian packages, then leave no log, list or timestamp of this run."""

import glob
import os
import shutil
import subprocess
import sys
import time

import net

EPOCH = 315532800  # 1980-01-01


def run(args, env):
    done = subprocess.run(args, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    sys.stdout.write(done.stdout)
    if done.returncode:
        errors = [l for l in done.stdout.splitlines() if l.startswith(("E:", "W:"))] or done.stdout.splitlines()[-1:]
        sys.exit("gpu-error: apt: " + " ".join(errors)[:2000])


def main(packages):
    if not shutil.which("apt-get"):
        sys.exit("gpu-error: apt: the base image has no apt-get, so --apt cannot be used with it")
    start = time.time() - 2
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C.UTF-8")
    options = ["-o", "Dpkg::Use-Pty=0", "-o", "Acquire::Retries=3"]
    bundle = net.ca_bundle()
    if bundle:
        os.chmod(bundle, 0o644)
        options += ["-o", "Acquire::https::CaInfo=" + bundle]
    run(["apt-get", "update", "-q"] + options, env)
    run(["apt-get", "install", "-y", "-q", "--no-install-recommends", "--no-remove"] + options + ["--"] + packages, env)
    for pattern in ("/var/log/*", "/var/cache/ldconfig/*", "/var/cache/debconf/*-old", "/var/lib/dpkg/*-old"):
        for path in glob.glob(pattern):
            if os.path.isfile(path):
                os.unlink(path)
            elif os.path.basename(path) == "apt":
                shutil.rmtree(path)
    if bundle:
        os.unlink(bundle)
    with open("/proc/self/mountinfo") as f:
        mounts = {line.split()[4] for line in f} - {"/"}
    for where, dirs, names in os.walk("/", topdown=True):
        dirs[:] = [d for d in dirs if os.path.join(where, d) not in mounts]
        for name in names + dirs:
            path = os.path.join(where, name)
            if path not in mounts and os.lstat(path).st_mtime >= start:
                os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)


if __name__ == "__main__":
    main(sys.argv[1:])
