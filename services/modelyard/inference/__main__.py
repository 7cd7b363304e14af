"""`python -m modelyard.inference`"""

import logging
import os
import sys

from modelyard.inference.server import main

if __name__ == "__main__":
    status = main()
    logging.shutdown()
    sys.stdout.flush()
    # Not by the interpreter's own end: TensorFlow's may crash below a run that outlived the grace period,
    # and there is nothing here that must be saved.
    os._exit(status)
