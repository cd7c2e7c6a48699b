// Uploads a file with tus-js-client: node tus-client.mjs <endpoint> <token> <path>. Prints where it went.
import { createReadStream } from "node:fs";
import { Upload } from "tus-js-client";

const [endpoint, token, path] = process.argv.slice(2);

const upload = new Upload(createReadStream(path), {
  endpoint,
  headers: { Authorization: `Bearer ${token}` },
  metadata: { filename: "a film.mp4", filetype: "video/mp4" },
  // The line fails more often than any real one.
  retryDelays: Array(300).fill(100),
  onSuccess: () => console.log(upload.url),
  onError: (error) => {
    console.error(error);
    process.exitCode = 1;
  },
});
upload.start();
