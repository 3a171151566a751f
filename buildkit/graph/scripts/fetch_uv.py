"""fetch_uv.py VERSION SHA256 OUT: put the uv binary into OUT, from the package index.

uv's wheel holds one static binary, so this needs nothing but Python. The hash
stands in the plugin; a different file is refused."""

import hashlib
import io
import json
import os
import re
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
import zipfile

import net

DEFAULT_INDEX = "https://pypi.org/simple"


def pages(conf):
    yield from ([conf["url"]] if conf.get("url") else [DEFAULT_INDEX])
    yield from conf.get("extra") or []


def read(url, context):
    request = urllib.request.Request(url, headers={
        "Accept": "application/vnd.pypi.simple.v1+json, text/html;q=0.1"})
    with urllib.request.urlopen(request, timeout=120, context=context) as response:
        return response.geturl(), response.headers.get_content_type(), response.read()


def wheels(page, context):
    """(filename, url) of every file that an index lists for uv."""
    base, kind, body = read(page.rstrip("/") + "/uv/", context)
    if kind.endswith("json"):
        for f in json.loads(body)["files"]:
            yield f["filename"], urllib.parse.urljoin(base, f["url"])
        return
    for href in re.findall(r'href="([^"]+)"', body.decode()):
        url = urllib.parse.urljoin(base, href.replace("&amp;", "&"))
        yield urllib.parse.unquote(urllib.parse.urlsplit(url).path.rsplit("/", 1)[-1]), url


def main(version, sha256, out):
    bundle = net.ca_bundle()
    context = ssl.create_default_context()
    if bundle:
        context.load_verify_locations(bundle)
    machine = os.uname().machine
    for page in pages(net.index()):
        try:
            for name, url in wheels(page, context):
                if not (name.startswith("uv-%s-" % version) and "manylinux" in name and machine in name):
                    continue
                data = read(url, context)[2]
                got = hashlib.sha256(data).hexdigest()
                if got != sha256:
                    sys.exit("gpu-error: hash: %s has sha256 %s, expected %s" % (name, got, sha256))
                with zipfile.ZipFile(io.BytesIO(data)) as z:
                    member = next(n for n in z.namelist() if n.endswith(".data/scripts/uv"))
                    path = os.path.join(out, "uv")
                    with open(path, "wb") as f:
                        f.write(z.read(member))
                os.chmod(path, 0o755)
                os.utime(path, (EPOCH, EPOCH))
                return
        except urllib.error.HTTPError as e:
            if e.code not in (403, 404):
                sys.exit("gpu-error: index: the package index answered %d for uv" % e.code)
        except (urllib.error.URLError, OSError) as e:
            reason = getattr(e, "reason", e)
            kind = "certificate" if isinstance(reason, ssl.SSLError) else "index"
            sys.exit("gpu-error: %s: the package index cannot be read: %s" % (kind, reason))
        except (ValueError, KeyError) as e:
            sys.exit("gpu-error: index: the package index gave no readable answer for uv: %s" % e)
    sys.exit("gpu-error: index: the package index has no uv %s for %s" % (version, machine))


EPOCH = 315532800  # 1980-01-01, the first moment that a zip file can name

if __name__ == "__main__":
    main(*sys.argv[1:])
