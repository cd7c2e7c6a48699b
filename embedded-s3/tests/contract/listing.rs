//! Lists of objects.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;

use crate::client::*;

fn keys(page: &ListObjectsV2Output) -> Vec<&str> {
    page.contents()
        .iter()
        .filter_map(|object| object.key())
        .collect()
}

fn prefixes(page: &ListObjectsV2Output) -> Vec<&str> {
    page.common_prefixes()
        .iter()
        .filter_map(|common| common.prefix())
        .collect()
}

/// Keys and common prefixes of all pages, in the order they came.
async fn all_pages(
    client: &Client,
    prefix: &str,
    delimiter: Option<&str>,
    max_keys: i32,
) -> Vec<String> {
    let mut seen = Vec::new();
    let mut token = None;
    loop {
        let page = client
            .list_objects_v2()
            .bucket(BUCKET)
            .prefix(prefix)
            .set_delimiter(delimiter.map(str::to_owned))
            .max_keys(max_keys)
            .set_continuation_token(token)
            .send()
            .await
            .unwrap();
        let mut names: Vec<_> = keys(&page).into_iter().chain(prefixes(&page)).collect();
        names.sort_unstable();
        assert!(names.len() <= max_keys as usize);
        seen.extend(names.into_iter().map(str::to_owned));
        assert_eq!(
            page.is_truncated,
            Some(page.next_continuation_token.is_some())
        );
        token = page.next_continuation_token;
        if token.is_none() {
            return seen;
        }
    }
}

#[tokio::test]
async fn keys_come_in_the_order_of_their_bytes_and_in_pages() {
    let (_server, client) = start().await;
    let mut expected = ["a", "a/b", "a//b", "a0", "B", "é", "z", "日本", "+ %"];
    for key in expected {
        put(&client, key, key).await;
    }
    expected.sort_unstable();
    for max_keys in [1, 2, 3, 1000] {
        assert_eq!(all_pages(&client, "", None, max_keys).await, expected);
    }
    let page = client
        .list_objects_v2()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    let object = &page.contents()[0];
    assert_eq!(object.size(), Some(object.key().unwrap().len() as i64));
    assert!(object.e_tag().is_some() && object.last_modified().is_some());
}

#[tokio::test]
async fn a_delimiter_folds_folders_into_one_entry_each() {
    let (_server, client) = start().await;
    for key in ["a", "v/1/x", "v/1/y", "v/2/x", "v/3", "v/é/x", "w/1"] {
        put(&client, key, key).await;
    }
    for max_keys in [1, 2, 1000] {
        let top = all_pages(&client, "", Some("/"), max_keys).await;
        assert_eq!(top, ["a", "v/", "w/"]);
        let inner = all_pages(&client, "v/", Some("/"), max_keys).await;
        assert_eq!(inner, ["v/1/", "v/2/", "v/3", "v/é/"]);
    }
    let page = client
        .list_objects_v2()
        .bucket(BUCKET)
        .prefix("v/1/")
        .send()
        .await
        .unwrap();
    assert_eq!(keys(&page), ["v/1/x", "v/1/y"]);
}

#[tokio::test]
async fn a_list_can_start_after_a_key_and_be_empty() {
    let (_server, client) = start().await;
    for key in ["a", "b", "c"] {
        put(&client, key, key).await;
    }
    let list = || client.list_objects_v2().bucket(BUCKET);
    let page = list().start_after("a").send().await.unwrap();
    assert_eq!(keys(&page), ["b", "c"]);
    let page = list().start_after("aa").max_keys(1).send().await.unwrap();
    assert_eq!((keys(&page), page.is_truncated), (vec!["b"], Some(true)));
    let page = list().prefix("x").send().await.unwrap();
    assert_eq!((page.key_count, page.is_truncated), (Some(0), Some(false)));
    let page = list().max_keys(0).send().await.unwrap();
    assert_eq!((page.key_count, page.is_truncated), (Some(0), Some(false)));
    let bad = list().continuation_token("not one of ours").send().await;
    assert_eq!(refusal(bad), refused(400, "InvalidArgument"));
}

#[tokio::test]
async fn keys_can_be_encoded_for_xml() {
    let (_server, client) = start().await;
    put(&client, "a b/\u{1}é", "x").await;
    let page = client
        .list_objects_v2()
        .bucket(BUCKET)
        .encoding_type(EncodingType::Url)
        .send()
        .await
        .unwrap();
    assert_eq!(keys(&page), ["a%20b/%01%C3%A9"]);
}

#[tokio::test]
async fn more_than_a_thousand_keys_take_more_than_a_page() {
    let (_server, client) = start().await;
    put(&client, "source", "x").await;
    let mut expected = vec!["source".to_owned()];
    for number in 0..1005 {
        let key = format!("k{number:04}");
        let copy = client.copy_object().copy_source(format!("{BUCKET}/source"));
        copy.bucket(BUCKET).key(&key).send().await.unwrap();
        expected.push(key);
    }
    expected.sort_unstable();
    let page = client
        .list_objects_v2()
        .bucket(BUCKET)
        .max_keys(5000)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (page.key_count, page.is_truncated),
        (Some(1000), Some(true))
    );
    assert_eq!(all_pages(&client, "", None, 1000).await, expected);
}
