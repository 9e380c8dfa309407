#!/usr/bin/env python3
"""Copies of a WordPress export with ids of their own, and a command's seconds and peak memory.

    imports.py copy EXPORT.xml.gz FOLDER COPIES
    imports.py measure LABEL ARTICLES COMMAND...
"""

import gzip, os, re, subprocess, sys, time

# Further apart than a site's ids reach.
STEP = 1_000_000


def copy(export, folder, copies):
    with gzip.open(export, "rb") as whole:
        text = whole.read()
    os.makedirs(folder, exist_ok=True)
    for number in range(copies):
        shift = number * STEP

        def moved(match):
            return match.group(1) + str(int(match.group(2)) + shift).encode() + match.group(3)

        # A post's id stands in wp:post_id, in the guid, and where a thumbnail is named.
        shifted = re.sub(rb"(<wp:post_id>)(\d+)(<)", moved, text)
        shifted = re.sub(rb"(<guid[^>]*>[^<]*\?p=)(\d+)(<)", moved, shifted)
        shifted = re.sub(rb"(_thumbnail_id\]\]></wp:meta_key>\s*<wp:meta_value><!\[CDATA\[)(\d+)(\])", moved, shifted)
        shifted = re.sub(rb"(<guid[^>]*>[^<?]*)(<)", rb"\g<1>#%d\g<2>" % number, shifted)
        with open(os.path.join(folder, "export-%02d.xml" % number), "wb") as file:
            file.write(shifted)


def measure(label, articles, command):
    began = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - began
    if status:
        sys.exit("%s ended with %d" % (" ".join(command[:3]), status))
    cpu = usage.ru_utime + usage.ru_stime
    print("%s\t%s\t%.3f\t%.3f\t%d" % (label, articles, seconds, cpu, usage.ru_maxrss))


if __name__ == "__main__":
    if sys.argv[1] == "copy":
        copy(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        measure(sys.argv[2], sys.argv[3], sys.argv[4:])
