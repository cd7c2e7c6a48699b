//! A disk without room: what is refused is refused in plain words, what was acknowledged stays, and once there is room
//! again, all goes on.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use aws_sdk_s3::Client;

use crate::process::Folder;
use crate::s3::{self, BUCKET, begin_upload, get, refusal};

const DISK_LEN: &str = "64m";
const OBJECT_LEN_BYTES: usize = 1 << 20;

/// A file system in memory in place of a folder, seen only by whom it lets in. It goes when this is dropped.
struct SmallDisk {
    keeper: Child,
    /// What `unshare` needs, and `nsenter` for the same.
    as_user: bool,
    folder: PathBuf,
}

impl SmallDisk {
    /// None where the system does not allow it.
    fn mount(folder: &Path) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        [false, true]
            .into_iter()
            .find_map(|as_user| Self::try_mount(folder, as_user))
    }

    fn try_mount(folder: &Path, as_user: bool) -> Option<Self> {
        let mut unshare = Command::new("unshare");
        unshare.arg("--mount");
        if as_user {
            unshare.args(["--user", "--map-root-user"]);
        }
        let script =
            format!("mount -t tmpfs -o size={DISK_LEN} tmpfs \"$1\" && echo mounted && exec cat");
        let keeper = unshare
            .args(["sh", "-c", &script, "sh"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut disk = Self {
            keeper: keeper.ok()?,
            as_user,
            folder: folder.to_owned(),
        };
        let mut said = String::new();
        let stdout = disk.keeper.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut said).unwrap();
        (said == "mounted\n").then_some(disk)
    }

    /// The same command, with this disk in sight.
    fn let_in(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.args(["--target", &self.keeper.id().to_string(), "--mount"]);
        if self.as_user {
            inside.args(["--user", "--preserve-credentials"]);
        }
        inside.arg("--").arg(command.get_program());
        inside.args(command.get_args()).env_clear();
        for (name, value) in command.get_envs() {
            inside.env(name, value.unwrap());
        }
        inside
    }

    /// The folder as the keeper sees it.
    fn path_from_outside(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.keeper.id()));
        root.join(self.folder.strip_prefix("/").unwrap())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

fn body(number: usize) -> Vec<u8> {
    let text = format!("object {number};").into_bytes();
    let mut bytes = text.repeat(OBJECT_LEN_BYTES / text.len() + 1);
    bytes.truncate(OBJECT_LEN_BYTES);
    bytes
}

async fn put(client: &Client, number: usize) -> Result<(), String> {
    let put = client.put_object().bucket(BUCKET).key(number.to_string());
    let put = put.body(body(number).into()).send().await;
    put.map(drop).map_err(|error| refusal(&error))
}

/// Puts objects until one is refused; how many are there, and how it was refused.
async fn fill(client: &Client, mut count: usize) -> (usize, String) {
    loop {
        match put(client, count).await {
            Ok(()) => count += 1,
            Err(refusal) => return (count, refusal),
        }
    }
}

async fn all_are_there(client: &Client, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let (bytes, _) = get(client, &number.to_string())
            .await
            .expect("it was acknowledged");
        assert!(bytes == body(number), "{number}");
    }
}

async fn delete(client: &Client, number: usize) -> Result<(), String> {
    let delete = client
        .delete_object()
        .bucket(BUCKET)
        .key(number.to_string());
    delete
        .send()
        .await
        .map(drop)
        .map_err(|error| refusal(&error))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_and_loses_nothing() {
    let folder = Folder::new();
    let Some(disk) = SmallDisk::mount(&folder.data()) else {
        eprintln!(
            "SKIPPED what a full disk does: neither root nor a user namespace may mount one here"
        );
        return;
    };
    let start = || s3::start(disk.let_in(&s3::command()), &folder);
    let (mut server, client) = start();
    let upload_id = begin_upload(&client, "upload").await.unwrap();

    let (count, refusal) = fill(&client, 0).await;
    assert_eq!(refusal, "507 InsufficientStorage");
    assert!(count > 16, "{count}");
    all_are_there(&client, 0..count).await;
    let part = client
        .upload_part()
        .bucket(BUCKET)
        .key("upload")
        .part_number(1);
    let part = part.upload_id(&upload_id).body(body(0).into());
    assert_eq!(s3::refusal(&part.send().await.unwrap_err()), refusal);
    let replaced = put(&client, 0).await;
    assert_eq!(replaced, Err(refusal.clone()));

    // Killed and started anew on the full disk.
    server.kill();
    let (mut server, client) = start();
    all_are_there(&client, 0..count).await;

    // Others leave no byte.
    let filler = disk.path_from_outside().join("filler");
    let (mut file, mut len_bytes) = (File::create(&filler).unwrap(), OBJECT_LEN_BYTES);
    while len_bytes > 0 {
        if file.write_all(&vec![0; len_bytes]).is_err() {
            len_bytes /= 2;
        }
    }
    let refused = put(&client, count).await;
    assert_eq!(refused, Err(refusal.clone()));
    all_are_there(&client, 0..count).await;
    drop(file);
    fs::remove_file(&filler).unwrap();

    // What is deleted makes room.
    for number in 0..count / 2 {
        delete(&client, number).await.unwrap();
    }
    all_are_there(&client, count / 2..count).await;
    let (again, _) = fill(&client, count).await;
    assert!(again >= count + count / 2 - 1, "{again}");
    server.kill();
    let (_server, client) = start();
    all_are_there(&client, count / 2..again).await;
}
