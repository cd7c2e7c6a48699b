//! A disk without room: what is refused is refused in plain words, what was acknowledged stays, and once there is room
//! again, all goes on.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use aws_sdk_s3::Client;
use store::queue::Queue;
use store::{State, Store, VideoId};

use crate::process::Folder;
use crate::s3::{self, BUCKET, begin_upload, get, refusal};

const DISK_LEN: &str = "40m";

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

/// Lengths to fill a disk with: what is too long for the room that is left is followed by something shorter.
const LENS_BYTES: [usize; 3] = [1 << 20, 64 << 10, 1];

fn body(number: usize, len_bytes: usize) -> Vec<u8> {
    let text = format!("object {number};").into_bytes();
    let mut bytes = text.repeat(len_bytes / text.len() + 1);
    bytes.truncate(len_bytes);
    bytes
}

/// Objects that were acknowledged, by number, each with its length.
type Acknowledged = BTreeMap<usize, usize>;

async fn put(client: &Client, number: usize, len_bytes: usize) -> Result<(), String> {
    let put = client.put_object().bucket(BUCKET).key(number.to_string());
    let put = put.body(body(number, len_bytes).into()).send().await;
    put.map(drop).map_err(|error| refusal(&error))
}

/// Puts objects until none goes in any more, and says how the first one was refused.
async fn fill(client: &Client, there: &mut Acknowledged) -> String {
    let mut refusals = Vec::new();
    for len_bytes in LENS_BYTES {
        refusals.push(fill_with(len_bytes, client, there).await);
    }
    refusals.swap_remove(0)
}

/// The same with one length.
async fn fill_with(len_bytes: usize, client: &Client, there: &mut Acknowledged) -> String {
    loop {
        let number = there.last_key_value().map_or(0, |(number, _)| number + 1);
        match put(client, number, len_bytes).await {
            Ok(()) => there.insert(number, len_bytes),
            Err(refusal) => break refusal,
        };
    }
}

/// A video on its way through the queue to its deletion, without media.
async fn queue_and_delete(store: &Store) {
    let id = VideoId::new();
    store.enqueue(id, "film.mp4").await.unwrap();
    let queue = Queue::new(store.clone(), "worker");
    let (claim, mut status) = queue.claim(1).await.unwrap().unwrap();
    claim.fail(&mut status, "no room").await.unwrap();
    let status = store.status(id).await.unwrap().unwrap();
    assert_eq!(status.value.status, State::Error);
    store.delete_video(id).await.unwrap();
    assert!(store.status(id).await.unwrap().is_none());
}

async fn all_are_there(client: &Client, there: &Acknowledged) {
    for (number, len_bytes) in there {
        let (bytes, _) = get(client, &number.to_string())
            .await
            .expect("it was acknowledged");
        assert!(bytes == body(*number, *len_bytes), "{number}");
    }
}

async fn delete_first(client: &Client, there: &mut Acknowledged) {
    let (number, _) = there.pop_first().unwrap();
    let delete = client.delete_object().bucket(BUCKET);
    delete.key(number.to_string()).send().await.unwrap();
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

    let mut there = Acknowledged::new();
    let full = fill_with(LENS_BYTES[0], &client, &mut there).await;
    assert_eq!(full, "507 InsufficientStorage");
    let store = s3::store(&server).await;
    queue_and_delete(&store).await;
    // Others take more of what media leave.
    let filler = disk.path_from_outside().join("filler");
    fs::write(&filler, vec![0; 5 << 20]).unwrap();
    queue_and_delete(&store).await;
    assert_eq!(put(&client, 0, LENS_BYTES[0]).await, Err(full.clone()));
    fs::remove_file(&filler).unwrap();

    assert_eq!(fill(&client, &mut there).await, full);
    assert!(there.len() > 16, "{}", there.len());
    all_are_there(&client, &there).await;
    let part = client.upload_part().bucket(BUCKET).key("upload");
    let part = part.part_number(1).upload_id(&upload_id);
    let part = part.body(body(0, LENS_BYTES[0]).into()).send().await;
    assert_eq!(refusal(&part.unwrap_err()), full);
    assert_eq!(put(&client, 0, 5).await, Err(full.clone()));

    // Killed and started anew on the full disk.
    server.kill();
    let (mut server, client) = start();
    all_are_there(&client, &there).await;
    delete_first(&client, &mut there).await;

    // Others leave no byte.
    let (mut file, mut len_bytes) = (File::create(&filler).unwrap(), LENS_BYTES[0]);
    while len_bytes > 0 {
        if file.write_all(&vec![0; len_bytes]).is_err() {
            len_bytes /= 2;
        }
    }
    assert_eq!(put(&client, 0, 5).await, Err(full.clone()));
    all_are_there(&client, &there).await;
    drop(file);
    fs::remove_file(&filler).unwrap();

    // What is deleted makes room.
    let many = there.len();
    while there.len() > many / 2 {
        delete_first(&client, &mut there).await;
    }
    all_are_there(&client, &there).await;
    assert_eq!(fill(&client, &mut there).await, full);
    assert!(there.len() >= many - 1, "{}", there.len());
    server.kill();
    let (_server, client) = start();
    all_are_there(&client, &there).await;
}
