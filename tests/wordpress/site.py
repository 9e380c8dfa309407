#!/usr/bin/env python3
"""A WordPress to look at: `site.py start FOLDER [--fill N]` prints where it is and whom it lets in,
and stays until Ctrl-C. Started again on the same folder it goes on where it was. `site.py missing`
prints the Debian packages that have yet to be installed.
"""

import argparse
import json
import os
import signal
import sys

from servers import Missing
from wordpress import PASSWORD, Site, missing


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("what", choices=["start", "missing"])
    options.add_argument("folder", nargs="?")
    options.add_argument("--fill", type=int, default=0, metavar="N", help="with the first N posts of the export")
    options.add_argument("--page-cache", action="store_true", help="nginx keeps pages for 60 s")
    options = options.parse_args()
    if options.what == "missing":
        print(*sorted({package for _, package in missing()}))
        return
    if not options.folder:
        sys.exit("site.py start needs a folder, which it makes where it is not there")
    for end in (signal.SIGTERM, signal.SIGINT):
        signal.signal(end, lambda *_: sys.exit(0))
    try:
        with Site(options.folder) as site:
            if options.fill:
                site.fill(options.fill)
            site.page_cache(options.page_cache)
            tell(site)
            signal.pause()
    except Missing as told:
        sys.exit(str(told))


def tell(site):
    print(json.dumps({
        "url": site.url, "admin": f"{site.url}/wp-login.php", "user": "admin", "password": PASSWORD,
        "application_password": site.application_password(), "rest": f"{site.url}/wp-json/wp/v2/posts",
        "feed": f"{site.url}/feed/", "wordpress": site.version, "folder": str(site.folder),
        "pid": os.getpid(),
    }, ensure_ascii=False, indent=1), flush=True)


if __name__ == "__main__":
    main()
