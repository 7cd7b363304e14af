"""Uploaded datasets, content-addressed, and the uploads that become one.

<root>/sha256/ab/abcdef…        the bytes
<root>/sha256/ab/abcdef….json   their name, size and time of upload
<root>/summaries/abcdef…/…      what was found out about them, by the way they are read
<root>/uploads/<id>.part .json  an upload that goes on, and what is known of it
"""

from modelyard.dataset_store.store import DatasetStore, StoredDataset
from modelyard.dataset_store.uploads import Appending, Upload, Uploads

__all__ = ["Appending", "DatasetStore", "StoredDataset", "Upload", "Uploads"]
