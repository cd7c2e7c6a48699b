//! What lists say, and what is made of it.

use std::time::Duration;

use store::{BacklogWatch, Settings, Store, VideoId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::buckets::{Buckets, claim};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_an_old_upload_has_waited_since_it_was_queued() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let of_2023: VideoId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
    let mut upload = store.begin_original(of_2023, "film.mp4").await.unwrap();
    upload.complete().await.unwrap();
    store.enqueue(of_2023, "film.mp4").await.unwrap();
    let (claim, mut status) = claim(&store, "worker").await;
    claim.fail(&mut status, "S3 melted").await.unwrap();
    let backlog = BacklogWatch::new(store).look().await.unwrap();
    assert_eq!((backlog.jobs, backlog.dead_jobs), (1, 0));
    assert!(backlog.oldest_age < Duration::from_secs(600), "{backlog:?}");
}

const NO_OBJECTS: &str =
    "<ListBucketResult><Name>any</Name><IsTruncated>false</IsTruncated></ListBucketResult>";
const MORE_UPLOADS: &str = "<ListMultipartUploadsResult><Bucket>any</Bucket>\
     <IsTruncated>true</IsTruncated></ListMultipartUploadsResult>";

/// A store without an object that says of uploads that there are more, and not from where.
async fn without_markers() -> Settings {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut head = vec![0; 16 << 10];
            let read = client.read(&mut head).await.unwrap();
            let head = String::from_utf8_lossy(&head[..read]);
            let body = match head.lines().next().unwrap_or_default().contains("uploads&") {
                true => MORE_UPLOADS,
                false => NO_OBJECTS,
            };
            let len_bytes = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {len_bytes}\r\n\r\n{body}"
            );
            client.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    Settings {
        endpoint: Some(endpoint),
        ..Buckets::start().await.settings()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_uploads_that_does_not_say_where_it_goes_on_has_ended() {
    let store = Store::connect(without_markers().await).await.unwrap();
    let swept = timeout(Duration::from_secs(60), store.sweep()).await;
    assert_eq!(swept.expect("an end").unwrap(), store::Swept::default());
}
