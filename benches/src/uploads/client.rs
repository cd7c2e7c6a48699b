//! Clients that do as little as they can: what is measured is the server.

use std::fs::File;
use std::io::{Read, Write, copy};
use std::net::TcpStream;
use std::path::Path;

use anyhow::{Context, bail};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, RequestChecksumCalculation};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use tokio::runtime::Runtime;

use crate::service::{Servers, TOKEN};

const PART_LEN_BYTES: u64 = 8 << 20;
const BOUNDARY: &str = "bench-boundary";

/// Uploads a file as a form; its id.
pub(crate) fn form(origin: &str, file: &Path) -> anyhow::Result<String> {
    let before = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"bench.mp4\"\r\n\r\n"
    );
    let after = format!("\r\n--{BOUNDARY}--\r\n");
    let mut file = File::open(file)?;
    let len_bytes = file.metadata()?.len() + (before.len() + after.len()) as u64;
    let head = format!("Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n");
    let mut server = begin(origin, "POST /api/upload", &head, len_bytes)?;
    server.write_all(before.as_bytes())?;
    copy(&mut file, &mut server)?;
    server.write_all(after.as_bytes())?;
    let answer = answer(server, "201")?;
    let id = answer
        .split_once("\"id\":\"")
        .and_then(|(_, rest)| rest.split('"').next());
    Ok(id
        .context("an upload was answered without an id")?
        .to_owned())
}

/// Uploads a file by tus 1.0, with a single PATCH; its id.
pub(crate) fn tus(origin: &str, file: &Path) -> anyhow::Result<String> {
    let mut file = File::open(file)?;
    let len_bytes = file.metadata()?.len();
    let head = format!("Tus-Resumable: 1.0.0\r\nUpload-Length: {len_bytes}\r\n");
    let created = answer(begin(origin, "POST /api/tus", &head, 0)?, "201")?;
    let place = created
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("location:")
                .map(str::to_owned)
        })
        .context("an upload was begun without a Location")?;
    let place = place.trim().trim_start_matches(origin);
    let head = "Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\n";
    let mut server = begin(origin, &format!("PATCH {place}"), head, len_bytes)?;
    copy(&mut file, &mut server)?;
    answer(server, "204")?;
    let (_, id) = place
        .rsplit_once('/')
        .context("an upload's Location has no id")?;
    Ok(id.to_owned())
}

/// Deletes a video, so that the disk does not fill.
pub(crate) fn delete(origin: &str, id: &str) -> anyhow::Result<()> {
    let server = begin(origin, &format!("DELETE /api/video/{id}"), "", 0)?;
    answer(server, "204").map(drop)
}

fn begin(origin: &str, line: &str, head: &str, len_bytes: u64) -> anyhow::Result<TcpStream> {
    let host = origin.trim_start_matches("http://");
    let mut server = TcpStream::connect(host)?;
    let head = format!(
        "{line} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\
         {head}Content-Length: {len_bytes}\r\n\r\n"
    );
    server.write_all(head.as_bytes())?;
    Ok(server)
}

fn answer(mut server: TcpStream, status: &str) -> anyhow::Result<String> {
    let mut answer = String::new();
    server.read_to_string(&mut answer)?;
    if answer.split(' ').nth(1) != Some(status) {
        bail!("an upload was answered {answer}");
    }
    Ok(answer)
}

/// The AWS SDK, and nothing of ours.
pub(crate) struct Bare {
    runtime: Runtime,
    s3: Client,
    bucket: String,
}

impl Bare {
    pub(crate) fn new(servers: &Servers) -> anyhow::Result<Self> {
        let variable = |name: &str| servers.variable(name).to_owned();
        let credentials = Credentials::new(
            variable("AWS_ACCESS_KEY_ID"),
            variable("AWS_SECRET_ACCESS_KEY"),
            None,
            None,
            "bench",
        );
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(variable("AWS_REGION")))
            .endpoint_url(format!("http://{}", servers.endpoint))
            .credentials_provider(credentials)
            .force_path_style(true)
            // As our own client does with such servers.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .build();
        Ok(Self {
            runtime: tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?,
            s3: Client::from_conf(config),
            bucket: variable("S3_RAW_BUCKET"),
        })
    }

    pub(crate) fn upload(&self, file: &Path) -> anyhow::Result<()> {
        self.runtime.block_on(self.upload_parts(file))
    }

    async fn upload_parts(&self, file: &Path) -> anyhow::Result<()> {
        let (bucket, key) = (&self.bucket, "bench");
        let begun = self
            .s3
            .create_multipart_upload()
            .bucket(bucket)
            .key(key)
            .send()
            .await?;
        let upload_id = begun.upload_id.context("S3 gave no upload id")?;
        let mut file = File::open(file)?;
        let mut parts = Vec::new();
        for number in 1.. {
            let mut bytes = Vec::with_capacity(PART_LEN_BYTES as usize);
            (&mut file).take(PART_LEN_BYTES).read_to_end(&mut bytes)?;
            if bytes.is_empty() {
                break;
            }
            let part = self
                .s3
                .upload_part()
                .bucket(bucket)
                .key(key)
                .upload_id(&upload_id);
            let part = part
                .part_number(number)
                .body(ByteStream::from(bytes))
                .send()
                .await?;
            let part = CompletedPart::builder()
                .part_number(number)
                .set_e_tag(part.e_tag);
            parts.push(part.build());
        }
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(parts))
            .build();
        let upload = self.s3.complete_multipart_upload().bucket(bucket).key(key);
        upload
            .upload_id(&upload_id)
            .multipart_upload(parts)
            .send()
            .await?;
        Ok(())
    }
}
