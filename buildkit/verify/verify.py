"""verify.py --config FILE|JSON --out FILE [--root DIR]: prove what an image can do.

Always exits 0 and writes what it found as JSON, so that a failure keeps its
detail; only a Python that cannot start leaves no answer. Whether the answer is
good enough is not decided here.

Tier 1 needs no GPU: PyTorch imports, its libraries are there and there once,
and a product on the CPU is right. Tier 2 multiplies on every GPU.

Tolerances follow the standard bound for a product of inner size K computed with
unit roundoff u: |C - AB| <= gamma_K |A||B|, gamma_K = K u / (1 - K u) (Higham,
Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.5), with the
probabilistic sqrt(K) in place of K (Higham and Mary 2019) and a factor of 4.
Errors are given relative to max(|A||B|)."""

import argparse
import glob
import json
import math
import mmap
import os
import platform
import random
import re
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

# Libraries that come from the host's driver, never from an image.
FROM_DRIVER = ("libcuda.so", "libnvidia-", "libnvcuvid.so", "libcudadebugger.so")
# The packages whose libraries must all load; elsewhere a plug-in for software that
# is not there is usual (mpi4py has one for each MPI) and told, not refused.
MUST_LOAD = ("torch", "nvidia", "triton", "functorch", "cuda")
# Plug-ins of these that only load where a cluster's own network software is installed.
OPTIONAL_OWNERS = ("nvshmem_", "libcufile_rdma", "libnvshmem_")
# A versioned name is no extension module, which Python would load by another name.
CARRIED = re.compile(r"lib.+\.so\.[0-9]")
# CUDA libraries of which an image holds exactly one copy.
ONCE = ("libcudart.so", "libcudnn.so", "libcublas.so", "libcublasLt.so", "libnccl.so")


class Checks:
    def __init__(self):
        self.list = []

    def run(self, name, function):
        start = time.monotonic()
        try:
            detail, ok = function(), True
        except Exception as e:  # every failure is an answer
            detail, ok = "%s: %s" % (type(e).__name__, e) if not isinstance(e, Failed) else str(e), False
        self.list.append({"name": name, "ok": ok, "detail": detail or "", "seconds": round(time.monotonic() - start, 3)})
        return ok


class Failed(Exception):
    pass


def walk(root):
    """Every file of the image, not of what is mounted into it."""
    skip = {os.path.join(root, d) for d in ("proc", "sys", "dev", "out", "verify", "run", "tmp", "image")}
    for where, dirs, names in os.walk(root):
        dirs[:] = [d for d in dirs if os.path.join(where, d) not in skip]
        for name in names:
            yield os.path.join(where, name), name


def shared_objects(root):
    return [(p, n) for p, n in walk(root)
            if (n.endswith(".so") or ".so." in n) and os.path.isfile(p) and is_elf(p)]


def is_elf(path):
    try:
        with open(path, "rb") as f:
            return f.read(4) == b"\x7fELF"
    except OSError:
        return False


def loader(root):
    for pattern in ("lib64/ld-linux-x86-64.so.2", "lib/ld-linux-aarch64.so.1", "lib/*/ld-linux-*.so.*"):
        for path in glob.glob(os.path.join(root, pattern)):
            return "/" + os.path.relpath(path, root)
    raise Failed("the image has no glibc dynamic loader")


def missing(root, ld, path):
    inside = "/" + os.path.relpath(path, root)
    enter = (lambda: os.chroot(root)) if root != "/" else None
    # Tracing goes on after a library that is missing; ld.so --list stops there.
    done = subprocess.run([ld, inside], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
                          preexec_fn=enter, cwd="/", errors="replace", env={"LD_TRACE_LOADED_OBJECTS": "1"})
    if done.returncode:
        return [" ".join(done.stdout.split())[:200] or "the loader ends with %d" % done.returncode]
    lines = [line.strip() for line in done.stdout.splitlines() if "not found" in line]
    return [line.split()[0] if line.endswith("not found") else line for line in lines]


def mentioned(path, objects):
    """Whether anything else of a library's package names it, to link it or to open it.
    Other packages look for theirs elsewhere: NumPy has a libgfortran of its own."""
    name = os.path.basename(path).encode()
    site, inside = path.split("-packages/", 1)
    package = os.path.join(site + "-packages", inside.split("/", 1)[0], "")
    scripts = [p for p, n in walk(package) if n.endswith(".py")]
    for other in [p for p, _ in objects if p.startswith(package)] + scripts:
        if other == path or not os.path.getsize(other):
            continue
        with open(other, "rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if data.find(name) >= 0:
                return True
    return False


def libraries_resolve(root, objects):
    """Ask the image's own dynamic loader for every library under a wheel's directory."""
    ld = loader(root)
    present = {name for _, name in objects}
    mine = [(p, n) for p, n in objects if "site-packages" in p or "dist-packages" in p]
    lost, told = {}, {}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for (path, name), gone in zip(mine, pool.map(lambda o: missing(root, ld, o[0]), mine)):
            # A library that another wheel brings is loaded before by the package that needs it.
            gone = [g for g in gone if not g.startswith(FROM_DRIVER) and g not in present]
            inside = path.split("-packages/", 1)[1]
            if gone and inside.startswith(MUST_LOAD) and not name.startswith(OPTIONAL_OWNERS):
                lost[inside] = gone
            elif gone:
                told[inside] = gone
    # Wheels carry compilers' run-time libraries along that nothing of theirs uses:
    # torch 2.15.0 has a libgfortran without its libquadmath.
    for path, name in mine:
        inside = path.split("-packages/", 1)[1]
        if inside in lost and CARRIED.match(name) and not mentioned(path, objects):
            told[inside] = lost.pop(inside)
    if lost:
        path, gone = sorted(lost.items())[0]
        raise Failed("%d of %d libraries lack something, the first is %s: %s" %
                     (len(lost), len(mine), path, ", ".join(gone)))
    detail = "%d libraries" % len(mine)
    if told:
        detail += "; %d optional ones cannot load here: %s" % (
            len(told), "; ".join("%s lacks %s" % (p, ", ".join(g)) for p, g in sorted(told.items())[:3]))
    return detail


def no_duplicates(objects):
    found = {}
    for path, name in objects:
        for stem in ONCE:
            if name.startswith(stem):
                found.setdefault(stem, set()).add(os.path.realpath(path))
    twice = {s: sorted(p) for s, p in found.items() if len(p) > 1}
    if twice:
        raise Failed("; ".join("%s is there %d times: %s" % (s, len(p), " ".join(p)) for s, p in sorted(twice.items())))
    return "%s once each" % ", ".join(sorted(s[:-3] for s in found)) if found else "no CUDA library in the image"


def cpu_product(torch):
    """A product on the CPU against sums that Python itself makes exactly."""
    n, rng = 64, random.Random(20261124)
    a = [[rng.uniform(-1, 1) for _ in range(n)] for _ in range(n)]
    b = [[rng.uniform(-1, 1) for _ in range(n)] for _ in range(n)]
    worst, scale = 0.0, 0.0
    ta, tb = torch.tensor(a, dtype=torch.float32), torch.tensor(b, dtype=torch.float32)
    got = (ta @ tb).tolist()
    a, b = ta.double().tolist(), tb.double().tolist()
    columns = list(zip(*b))
    for i in range(n):
        for j in range(n):
            terms = [x * y for x, y in zip(a[i], columns[j])]
            error = abs(got[i][j] - math.fsum(terms))
            if error != error:
                raise Failed("element %d,%d is NaN" % (i, j))
            worst = max(worst, error)
            scale = max(scale, sum(map(abs, terms)))
    tolerance = 4 * math.sqrt(n) * 2.0 ** -24
    if not worst / scale <= tolerance:
        raise Failed("error %.2e is over %.2e" % (worst / scale, tolerance))
    return "fp32 error %.1e (allowed %.1e)" % (worst / scale, tolerance)


def driver_version():
    try:
        import ctypes
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
        if nvml.nvmlInit_v2() == 0:
            text = ctypes.create_string_buffer(96)
            nvml.nvmlSystemGetDriverVersion(text, 96)
            return text.value.decode()
    except OSError:
        pass
    try:
        with open("/sys/module/nvidia/version") as f:
            return f.read().strip()
    except OSError:
        return ""


# name, torch dtype, TF32 allowed, unit roundoff of the inputs inside the unit, of the result
FORMATS = (
    ("fp32", "float32", False, 0.0, 2.0 ** -24),
    ("tf32", "float32", True, 2.0 ** -11, 2.0 ** -24),
    ("fp16", "float16", False, 0.0, 2.0 ** -11),
    ("bf16", "bfloat16", False, 0.0, 2.0 ** -8),
)


def compare(torch, got, want, scale, tolerance):
    error = (got.double().cpu() - want).abs().max().item() / scale
    # A NaN fails every comparison, so the passing side is the one that is asked for.
    return error, error <= tolerance


def product(torch, device, fmt, n=1024):
    name, dtype, tf32, u_in, u_out = fmt
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    g = torch.Generator().manual_seed(20261124)
    a = torch.randn(n, n, generator=g).to(getattr(torch, dtype))
    b = torch.randn(n, n, generator=g).to(getattr(torch, dtype))
    want = a.double() @ b.double()
    scale = (a.double().abs() @ b.double().abs()).max().item()
    tolerance = 2 * u_in + 4 * math.sqrt(n) * 2.0 ** -24 + u_out
    error, ok = compare(torch, a.to(device) @ b.to(device), want, scale, tolerance)
    return {"op": "matmul", "format": name, "size": n, "error": number(error), "tolerance": tolerance, "ok": bool(ok)}


def convolution(torch, device):
    torch.backends.cudnn.allow_tf32 = False
    g = torch.Generator().manual_seed(7)
    x, w = torch.randn(4, 32, 64, 64, generator=g), torch.randn(64, 32, 3, 3, generator=g)
    conv = torch.nn.functional.conv2d
    want = conv(x.double(), w.double(), padding=1)
    scale = conv(x.double().abs(), w.double().abs(), padding=1).max().item()
    # 1e-5 instead of the bound: cuDNN may choose a Winograd transform, which costs some digits.
    error, ok = compare(torch, conv(x.to(device), w.to(device), padding=1), want, scale, 1e-5)
    return {"op": "conv2d", "format": "fp32", "size": 64, "error": number(error), "tolerance": 1e-5, "ok": bool(ok)}


def throughput(torch, device, fmt):
    """TFLOP/s of a large product, itself checked with Freivalds' test."""
    name, dtype, tf32, u_in, u_out = fmt
    torch.backends.cuda.matmul.allow_tf32 = tf32
    free = torch.cuda.mem_get_info(device)[0]
    n = 8192
    while n > 1024 and 6 * n * n * 4 > free // 2:
        n //= 2
    g = torch.Generator(device=device).manual_seed(11)
    a = torch.randn(n, n, generator=g, device=device).to(getattr(torch, dtype))
    b = torch.randn(n, n, generator=g, device=device).to(getattr(torch, dtype))
    for _ in range(3):
        c = a @ b
    torch.cuda.synchronize(device)
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    loops = 0
    start = time.monotonic()
    begin.record(torch.cuda.current_stream(device))
    while loops < 10 or (time.monotonic() - start < 0.5 and loops < 200):
        c = a @ b
        loops += 1
        if loops % 10 == 0:
            torch.cuda.synchronize(device)
    end.record(torch.cuda.current_stream(device))
    torch.cuda.synchronize(device)
    seconds = begin.elapsed_time(end) / 1e3 / loops
    x = torch.randn(n, 1, generator=g, device=device, dtype=torch.float64)
    got, want = chunked(torch, c, x), chunked(torch, a, chunked(torch, b, x))
    scale = want.abs().max().item()
    error = (got - want).abs().max().item() / scale
    tolerance = (2 * u_in + 4 * math.sqrt(n) * 2.0 ** -24 + u_out) * 8
    return {"op": "matmul", "format": name, "size": n, "error": number(error), "tolerance": tolerance,
            "ok": bool(error <= tolerance), "tflops": number(2.0 * n ** 3 / seconds / 1e12)}


def chunked(torch, m, x):
    """m @ x in float64 without a float64 copy of m."""
    return torch.cat([part.double() @ x for part in m.split(1024)])


def number(x):
    return x if math.isfinite(x) else str(x)


def on_gpus(torch, result, checks):
    if not torch.cuda.is_available():
        try:
            torch.cuda.init()
            reason = "PyTorch sees no GPU"
        except Exception as e:
            reason = str(e)
        checks.list.append({"name": "gpu", "ok": False, "detail": reason, "seconds": 0})
        return
    for i in range(torch.cuda.device_count()):
        device, p = torch.device("cuda", i), torch.cuda.get_device_properties(i)
        gpu = {"index": i, "name": p.name, "computeCapability": "%d.%d" % (p.major, p.minor),
               "memory": p.total_memory, "results": []}
        result["gpus"].append(gpu)
        formats = [f for f in FORMATS if p.major >= 8 or f[0] in ("fp32", "fp16")]

        def work():
            with torch.cuda.device(device):
                for fmt in formats:
                    gpu["results"].append(product(torch, device, fmt))
                gpu["results"].append(convolution(torch, device))
                for fmt in formats:
                    gpu["results"].append(throughput(torch, device, fmt))
            wrong = [r for r in gpu["results"] if not r["ok"]]
            if wrong:
                raise Failed("; ".join("%s %s %d: error %s is over %.1e" %
                                       (r["op"], r["format"], r["size"], r["error"], r["tolerance"]) for r in wrong))
            return "%d products and convolutions right" % len(gpu["results"])

        checks.run("gpu %d" % i, work)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--root", default="/")
    args = parser.parse_args()
    if args.config.startswith("{"):
        config = json.loads(args.config)
    else:
        with open(args.config) as f:
            config = json.load(f)
    start = time.monotonic()
    checks = Checks()
    result = {"schemaVersion": 1, "tier": 2 if config.get("gpu") else 1, "checks": checks.list, "gpus": []}
    if args.root == "/":
        result["python"] = platform.python_version()
    if config.get("torch"):
        def load():
            global torch
            warnings.simplefilter("ignore")  # PyTorch's, about a NumPy that is not there
            import torch
            result["torch"] = {"version": torch.__version__, "cuda": torch.version.cuda or "",
                               "archs": (torch._C._cuda_getArchFlags() or "").split() if torch.version.cuda else []}
            return "torch %s, CUDA %s" % (torch.__version__, torch.version.cuda)
        if checks.run("import", load):
            checks.run("cpu product", lambda: cpu_product(torch))
    objects = shared_objects(args.root)
    checks.run("libraries", lambda: libraries_resolve(args.root, objects))
    checks.run("duplicates", lambda: no_duplicates(objects))
    if config.get("gpu"):
        result["driver"] = driver_version()
        if "torch" in result:
            on_gpus(torch, result, checks)
        else:
            checks.list.append({"name": "gpu", "ok": False, "detail": "not tried without PyTorch", "seconds": 0})
    result["seconds"] = round(time.monotonic() - start, 3)
    with open(args.out, "w") as f:
        json.dump(result, f)


if __name__ == "__main__":
    sys.exit(main())
