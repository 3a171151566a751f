"""user.py IMAGE NAME UID HOME OUT: the account files of the image at the path IMAGE
with one more user, and its home, in OUT. A user that the image already has under
this name or number is left as it is."""

import os
import sys

EPOCH = 315532800  # 1980-01-01


def main(image, name, uid, home, out):
    lines = {
        "passwd": "%s:x:%s:%s::%s:/bin/sh" % (name, uid, uid, home),
        "group": "%s:x:%s:" % (name, uid),
    }
    os.makedirs(out + "/etc")
    for base, line in lines.items():
        try:
            with open(image + "/etc/" + base) as f:
                have = f.read().splitlines()
        except FileNotFoundError:
            have = []
        if not any(h.split(":")[0] == name or h.split(":")[2:3] == [uid] for h in have):
            have.append(line)
        with open(out + "/etc/" + base, "w") as f:
            f.write("\n".join(have) + "\n")
        os.chmod(out + "/etc/" + base, 0o644)
    os.makedirs(out + home)
    os.chown(out + home, int(uid), int(uid))
    for where, dirs, names in os.walk(out, topdown=False):
        for path in names + dirs:
            os.utime(os.path.join(where, path), (EPOCH, EPOCH))
    os.utime(out, (EPOCH, EPOCH))


if __name__ == "__main__":
    main(*sys.argv[1:])
