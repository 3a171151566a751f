"""install.py VENV LAYER REQUIREMENTS TORCH_INDEX BUILD: unpack wheels into a layer.
install.py VENV LAYER "" [PARENTS]: the environment itself, which also sees the
site-packages directories PARENTS (joined by colons).

REQUIREMENTS are lines of a requirement file with "; " between. TORCH_INDEX is
where they come from if not from the default index. BUILD is "build" where one
of them is a source archive. Both may be empty.

LAYER becomes the root of an image layer that holds VENV with these wheels and
nothing else, the same bits on every machine: no bytecode, one timestamp, no
trace of the machine, the index or the uv cache. VENV is a symbolic link into
LAYER while uv works, so that scripts name their real interpreter and files are
written once; the cache is on the same file system, so installing is linking."""

import glob
import os
import shutil
import subprocess
import sys
import tempfile

import net

EPOCH = 315532800  # 1980-01-01, the first moment that a zip file can name


def files(top):
    for where, dirs, names in os.walk(top):
        for name in names:
            yield os.path.join(where, name)
        for name in dirs:
            if os.path.islink(os.path.join(where, name)):
                yield os.path.join(where, name)


def prune(top):
    """Remove directories that hold nothing."""
    for where, _, _ in os.walk(top, topdown=False):
        if where != top and not os.listdir(where):
            os.rmdir(where)


def settle(top):
    """Give everything one time and modes that any user can read."""
    for where, dirs, names in os.walk(top, topdown=False):
        for name in names + dirs:
            path = os.path.join(where, name)
            if not os.path.islink(path):
                mode = os.stat(path).st_mode
                executable = os.path.isdir(path) or mode & 0o100
                os.chmod(path, 0o755 if executable else 0o644)
            os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)
    os.utime(top, (EPOCH, EPOCH))


def interpreter():
    """The Python to make environments of: not one that lives in an environment itself."""
    return getattr(sys, "_base_executable", sys.executable) if sys.prefix != sys.base_prefix else sys.executable


def main(venv, layer, requirements, extra="", build=""):
    real = layer + venv
    os.makedirs(real)
    os.makedirs(os.path.dirname(venv), exist_ok=True)
    if os.path.lexists(venv):
        # The base has an environment of this name: the layer adds to it. What is
        # removed here is only this step's view of it.
        shutil.rmtree(venv)
    os.symlink(real, venv)
    cache = os.path.join(layer, ".uv-cache")
    env = net.uv_env(cache)
    python = os.path.join(venv, "bin", "python")
    subprocess.run(["/uv/uv", "venv", "--quiet", "--allow-existing", "--no-project",
                    "--python", interpreter(), venv],
                   env=env, check=True)
    skeleton = set(files(real))
    if requirements:
        conf = net.index()
        if extra:
            args = ["--default-index", conf.get("torch") or extra]
        else:
            args = net.index_args(conf)
        with tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False) as f:
            f.write(requirements.replace("; ", "\n") + "\n")
        net.stagger(requirements)
        done = subprocess.run(
            ["/uv/uv", "pip", "install", "--quiet", "--python", python, "--no-deps", "--require-hashes",
             "-r", f.name] + ([] if build else ["--no-build"]) + args,
            env=env, stderr=subprocess.PIPE, universal_newlines=True)
        if done.returncode:
            sys.stderr.write(done.stderr)
            sys.exit("gpu-error: install: " + " ".join(done.stderr.split())[:4000])
        for path in skeleton:
            os.unlink(path)
    else:
        # The environment itself: only what Python needs to see in it.
        for path in skeleton:
            if os.path.basename(path) not in ("python", "python3", "pyvenv.cfg", "lib64") \
                    and not os.path.basename(path).startswith("python3."):
                os.unlink(path)
        if extra:
            site = glob.glob(os.path.join(real, "lib", "python3*", "site-packages"))[0]
            with open(os.path.join(site, "_base_image.pth"), "w") as f:
                f.write("\n".join(extra.split(":")) + "\n")
    shutil.rmtree(cache, ignore_errors=True)
    if requirements:
        prune(real)
    settle(layer)


if __name__ == "__main__":
    main(*sys.argv[1:])
