"""resolve.py REQUEST OUT: let uv choose every package; write pylock.toml into OUT.

REQUEST is JSON: requirements (PEP 508 lines), files (requirement files of the
project), pyproject, uvLock (booleans), torchPackages with torchIndex where
PyTorch comes from an index of its own, constraints."""

import json
import os
import re
import subprocess
import sys
import tempfile

import net

SRC = "/src"


def name_of(requirement):
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;@(]", requirement.strip(), maxsplit=1)[0]).lower()


def run(args, env, **kw):
    done = subprocess.run(args, env=env, stderr=subprocess.PIPE, universal_newlines=True, **kw)
    if done.returncode:
        sys.stderr.write(done.stderr)
        sys.exit("gpu-error: resolve: " + " ".join(done.stderr.split())[:4000])
    return done


def uv_lock_pins(env, torch_family):
    """The pins of the project's uv.lock, less what the chosen PyTorch decides."""
    out = run(["/uv/uv", "export", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes",
               "--no-annotate", "--no-header", "--project", SRC], env, stdout=subprocess.PIPE).stdout
    for line in out.splitlines():
        name = name_of(line)
        if line.strip() and not line.startswith((" ", "#", "-")) and \
                name not in torch_family and not name.startswith(("nvidia-", "cuda-", "triton")):
            yield line


def main(request, out):
    with open(request) as f:
        req = json.load(f)
    env = net.uv_env(tempfile.mkdtemp(prefix="uv-"))
    work = tempfile.mkdtemp(prefix="resolve-")
    conf = net.index()
    family = set(req.get("torchPackages") or [])
    args = ["/uv/uv", "pip", "compile", "--quiet", "--format", "pylock.toml", "--python", sys.executable,
            "--no-header", "--no-annotate", "-o", os.path.join(out, "pylock.toml")] + net.index_args(conf)
    requirements = list(req.get("requirements") or [])
    if conf.get("torch") or req.get("torchIndex"):
        # A pyproject is the one place where uv binds single packages to an index.
        names = {name_of(r) for r in requirements} | family
        with open(os.path.join(work, "pyproject.toml"), "w") as f:
            f.write('[project]\nname = "docker-gpu-build"\nversion = "0"\ndependencies = %s\n'
                    % json.dumps(requirements))
            f.write("[[tool.uv.index]]\nname = \"torch\"\nurl = %s\nexplicit = true\n[tool.uv.sources]\n"
                    % json.dumps(conf.get("torch") or req["torchIndex"]))
            for name in sorted(names & family):
                f.write('%s = { index = "torch" }\n' % name)
        args.append(os.path.join(work, "pyproject.toml"))
    else:
        with open(os.path.join(work, "requirements.in"), "w") as f:
            f.write("\n".join(requirements) + "\n")
        args.append(os.path.join(work, "requirements.in"))
    args += [os.path.join(SRC, f) for f in req.get("files") or []]
    pins = list(req.get("constraints") or [])
    if req.get("pyproject"):
        args.append(os.path.join(SRC, "pyproject.toml"))
        if req.get("uvLock"):
            pins += uv_lock_pins(env, family)
    if pins:
        with open(os.path.join(work, "constraints.txt"), "w") as f:
            f.write("\n".join(pins) + "\n")
        args += ["-c", os.path.join(work, "constraints.txt")]
    run(args, env, cwd=work)


if __name__ == "__main__":
    main(*sys.argv[1:])
