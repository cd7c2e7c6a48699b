# Uploads a file with tuspy: python tus_client.py <endpoint> <token> <path>. Prints where it went.
import sys

from tusclient.client import TusClient

endpoint, token, path = sys.argv[1:]
client = TusClient(endpoint, headers={"Authorization": f"Bearer {token}"})
# The line fails more often than any real one.
uploader = client.uploader(
    path, metadata={"filename": "a film.mp4"}, chunk_size=20_000_000, retries=300, retry_delay=0.1
)
uploader.upload()
print(uploader.url)
