//! What was acknowledged is there after a restart; what was not leaves nothing.

use std::fs;

use embedded_s3::{Credentials, EmbeddedS3, Error};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::client::*;

#[tokio::test]
async fn data_survives_reopening_and_orphans_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let credentials = Credentials::random().unwrap();
    let stray = folder.path().join("blobs/0123456789abcdef0123456789abcdef");
    for generation in 0..3 {
        let s3 = EmbeddedS3::open(folder.path(), &credentials).unwrap();
        assert!(!stray.exists());
        s3.create_bucket(BUCKET).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(s3.serve(listener, async move {
            let _ = stopped.await;
        }));
        let client = client(&endpoint, &credentials);

        for earlier in 0..generation {
            assert_eq!(get(&client, &format!("k{earlier}")).await, b"bytes");
        }
        put(&client, &format!("k{generation}"), "bytes").await;
        drop(client);
        stop.send(()).unwrap();
        serving.await.unwrap();
        fs::write(&stray, "half of something").unwrap();
    }
}

#[tokio::test]
async fn a_folder_has_one_owner() {
    let (server, _client) = start().await;
    let second = EmbeddedS3::open(server.data_dir(), server.credentials());
    assert!(matches!(second, Err(Error::InUse(folder)) if folder == server.data_dir()));
}

#[tokio::test]
async fn a_folder_of_another_version_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let credentials = Credentials::random().unwrap();
    drop(EmbeddedS3::open(folder.path(), &credentials).unwrap());
    let database = folder.path().join("objects.sqlite");
    rusqlite::Connection::open(&database)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let opened = EmbeddedS3::open(folder.path(), &credentials);
    assert!(matches!(
        opened,
        Err(Error::SchemaVersion { version: 99, .. })
    ));
}

#[tokio::test]
async fn blobs_outlive_the_loss_of_their_database() {
    let folder = tempfile::tempdir().unwrap();
    let credentials = Credentials::random().unwrap();
    drop(EmbeddedS3::open(folder.path(), &credentials).unwrap());
    let blob = folder.path().join("blobs/0123456789abcdef0123456789abcdef");
    fs::write(&blob, "all that is left").unwrap();
    let database = folder.path().join("objects.sqlite");
    fs::rename(&database, folder.path().join("damaged.sqlite")).unwrap();

    for _ in 0..2 {
        let opened = EmbeddedS3::open(folder.path(), &credentials);
        assert!(matches!(opened, Err(Error::DatabaseMissing { .. })));
        assert!(blob.exists() && !database.exists());
    }
}

#[tokio::test]
async fn a_client_that_vanishes_in_mid_upload_leaves_nothing() {
    let (server, client) = start().await;
    put(&client, "k", "old").await;
    let body_len_bytes = 8 << 20;
    let url = client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .presigned(crate::signatures::valid_for(60))
        .await
        .unwrap();
    let address = server.endpoint().replace("http://", "");
    let path = url.uri().split_once(&address).unwrap().1.to_owned();
    let mut socket = TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "PUT {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {body_len_bytes}\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&pattern(3 << 20)).await.unwrap();
    while count_blobs(&server) < 2 {
        tokio::task::yield_now().await;
    }
    drop(socket);
    while count_blobs(&server) > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(get(&client, "k").await, b"old");
}
