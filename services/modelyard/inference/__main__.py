"""`python -m modelyard.inference`"""

import logging
import os
import sys

from modelyard.inference.server import main

if __name__ == "__main__":
    status = main()
    logging.shutdown()
    sys.stdout.flush()
    # A run that outlived the grace period must not hold the process; nothing here needs to be saved.
    os._exit(status)
