#!/usr/bin/env python3
"""A WordPress to look at: `site.py start FOLDER [--fill N]` prints where it is and whom it lets in,
and stays until Ctrl-C. Started again on the same folder it goes on where it was.
"""

import argparse
import json
import os
import signal
import sys

from servers import Missing
from wordpress import PASSWORD, Site


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("what", choices=["start"])
    options.add_argument("folder")
    options.add_argument("--fill", type=int, default=0, metavar="N", help="with the first N posts of the export")
    options.add_argument("--page-cache", action="store_true", help="nginx keeps pages for 60 s")
    options = options.parse_args()
    for end in (signal.SIGTERM, signal.SIGINT):
        signal.signal(end, lambda *_: sys.exit(0))
    try:
        with Site(options.folder) as site:
            if options.fill:
                site.fill(options.fill)
            site.page_cache(options.page_cache)
            tell(site)
            signal.pause()
    except Missing as missing:
        sys.exit(str(missing))


def tell(site):
    print(json.dumps({
        "url": site.url, "admin": f"{site.url}/wp-login.php", "user": "admin", "password": PASSWORD,
        "application_password": site.application_password(), "rest": f"{site.url}/wp-json/wp/v2/posts",
        "feed": f"{site.url}/feed/", "wordpress": site.version, "folder": str(site.folder),
        "pid": os.getpid(),
    }, ensure_ascii=False, indent=1), flush=True)


if __name__ == "__main__":
    main()
