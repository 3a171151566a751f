"""How the steps of a build reach package indexes.

The index addresses and the CA bundle arrive as secrets: they are routes, not
content, so they are neither in a cache key nor in a layer."""

import hashlib
import json
import os
import tempfile
import time

SECRETS = "/run/secrets"

# A name server may drop what comes too thick: ask again after 1 s, not after glibc's
# 5 (resolv.conf(5)).
os.environ.setdefault("RES_OPTIONS", "timeout:1 attempts:6")


def stagger(text):
    """Wait up to 2 s, the same time for the same text: a build starts dozens of steps in
    one moment, and all of them ask for the same two names. 40 at once lost a third of
    their questions here, and minutes with them; 10 a second lost none."""
    time.sleep(int(hashlib.sha256(text.encode()).hexdigest(), 16) % 20 / 10)
SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
)


def index():
    """The index configuration: url, extra, findLinks, torch; all may be missing."""
    try:
        with open(os.path.join(SECRETS, "gpu-index")) as f:
            return json.load(f)
    except FileNotFoundError:
        return {}


def ca_bundle():
    """A PEM file of the image's own authorities plus the user's, or None."""
    try:
        with open(os.path.join(SECRETS, "gpu-ca"), "rb") as f:
            mine = f.read()
    except FileNotFoundError:
        return None
    for path in SYSTEM_BUNDLES:
        if os.path.exists(path):
            with open(path, "rb") as f:
                mine = f.read() + b"\n" + mine
            break
    with tempfile.NamedTemporaryFile(prefix="gpu-ca-", suffix=".pem", delete=False) as out:
        out.write(mine)
    return out.name


def uv_env(cache):
    """The environment that uv runs in, with its cache in the given directory."""
    env = dict(os.environ)
    env.update(
        UV_CACHE_DIR=cache,
        UV_LINK_MODE="hardlink",
        UV_COMPILE_BYTECODE="0",
        UV_NO_CONFIG="1",
        UV_NO_PROGRESS="1",
        UV_PYTHON_DOWNLOADS="never",
        # Many wheels are fetched at once, and a proxy in between may turn some away.
        UV_HTTP_RETRIES=os.environ.get("UV_HTTP_RETRIES", "6"),
        UV_HTTP_CONNECT_TIMEOUT=os.environ.get("UV_HTTP_CONNECT_TIMEOUT", "30"),
        UV_HTTP_TIMEOUT=os.environ.get("UV_HTTP_TIMEOUT", "120"),
    )
    bundle = ca_bundle()
    if bundle:
        env["SSL_CERT_FILE"] = bundle
    netrc = os.path.join(SECRETS, "netrc")
    if os.path.exists(netrc):
        env["NETRC"] = netrc
    return env


def index_args(conf):
    """uv's arguments for the default index, the extra ones and link pages."""
    args = []
    if conf.get("url"):
        args += ["--default-index", conf["url"]]
    for url in conf.get("extra") or []:
        args += ["--index", url]
    for url in conf.get("findLinks") or []:
        args += ["--find-links", url]
    return args
