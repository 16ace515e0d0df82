"""Makes a container in an Azurite.

Usage: azure_container.py PORT ACCOUNT KEY CONTAINER
"""

import sys

from pyarrow import fs

port, account, key, container = sys.argv[1:]
place = "127.0.0.1:" + port
store = fs.AzureFileSystem(
    account,
    account_key=key,
    blob_storage_authority=place,
    blob_storage_scheme="http",
    dfs_storage_authority=place,
    dfs_storage_scheme="http",
)
store.create_dir(container)
