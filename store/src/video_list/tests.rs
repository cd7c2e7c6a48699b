//! The bounds of a list.

use embedded_s3::test_server::TestServer;

use super::*;
use crate::{AccessKey, Settings};

/// A list that reads and keeps little, of videos that are pending; their ids, newest first.
async fn bounded(s3: &TestServer, most_reads: usize) -> (VideoList, Vec<VideoId>) {
    let keys = s3.credentials();
    let settings = Settings {
        endpoint: Some(s3.endpoint()),
        access_key: Some(AccessKey {
            id: keys.access_key_id().to_owned(),
            secret: keys.secret_access_key().to_owned(),
        }),
        ..Settings::new("raw", "video")
    };
    let store = Store::connect(settings).await.unwrap();
    for number in 0..100 {
        let name = if number == 0 { "oldest" } else { "other" };
        store.enqueue(VideoId::new(), name).await.unwrap();
    }
    let list = VideoList {
        most_reads,
        most_kept: 5,
        ..VideoList::new(store)
    };
    // Of one millisecond, the order is that of the listing.
    let all = VideoList::new(list.store.clone());
    let all = all.page(None, 1000, &VideoFilter::default()).await.unwrap();
    (list, all.videos.into_iter().map(|video| video.id).collect())
}

#[tokio::test]
async fn a_search_that_costs_too_much_goes_on_with_the_next_page() {
    let s3 = TestServer::start(&["raw", "video"]).await.unwrap();
    let (list, _) = bounded(&s3, 40).await;
    let filter = VideoFilter {
        name: NamePart::new("OLDEST"),
        ..VideoFilter::default()
    };
    let (mut after, mut pages, mut found) = (None, 0, Vec::new());
    loop {
        let before = list.store.requests();
        let page = list.page(after, 10, &filter).await.unwrap();
        // The listing, the tombstones, what the bound allows, and what was under way then.
        let requests = list.store.requests() - before;
        assert!(requests <= 2 + 40 + READS_AT_ONCE as u64, "{requests}");
        pages += 1;
        found.extend(page.videos);
        assert!(page.next.is_none_or(|next| after != Some(next)));
        let Some(next) = page.next else { break };
        after = Some(next);
    }
    assert!(pages > 1, "{pages}");
    let found: Vec<_> = found.iter().map(|video| &*video.filename).collect();
    assert_eq!(found, ["oldest"]);
}

#[tokio::test]
async fn of_more_videos_than_are_kept_the_newest_are() {
    let s3 = TestServer::start(&["raw", "video"]).await.unwrap();
    let (list, ids) = bounded(&s3, MOST_READS).await;
    let all = VideoFilter::default();
    let seen = list.page(None, 1000, &all).await.unwrap().videos;
    assert_eq!(seen.len(), 100);
    let kept: Vec<_> = list.kept().keys().copied().collect();
    let mut newest = ids;
    newest.sort_unstable();
    assert_eq!(kept, newest[95..]);
}
#[tokio::test]
async fn tombstones_of_other_times_are_not_listed() {
    let s3 = TestServer::start(&["raw", "video"]).await.unwrap();
    let (list, ids) = bounded(&s3, MOST_READS).await;
    let store = &list.store;
    let mut by_age = ids.clone();
    by_age.sort_unstable();
    for id in by_age[..2].iter().chain(&by_age[98..]) {
        store
            .write(&Object::Tombstone(*id), bytes::Bytes::from_static(b"{}"))
            .await
            .unwrap();
    }
    for (among, found) in [
        (&by_age[..], &[0, 1, 98, 99][..]),
        (&by_age[0..1], &[0]),
        (&by_age[99..], &[99]),
        (&by_age[5..50], &[]),
        (&[], &[]),
    ] {
        let tombstones = store.tombstones_among(among).await.unwrap();
        let named: Vec<_> = (0..100)
            .filter(|at| among.contains(&by_age[*at]) && tombstones.name(by_age[*at]))
            .collect();
        assert_eq!(named, found);
    }
    let all = list
        .page(None, 1000, &VideoFilter::default())
        .await
        .unwrap();
    assert_eq!(all.videos.len(), 96);
}
