//! Lists of objects.

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::operation::list_objects_v2::builders::ListObjectsV2FluentBuilder;
use aws_sdk_s3::types::EncodingType;

use crate::server::{Server, Verdict, answer, ensure, expect};

fn list(server: &Server) -> ListObjectsV2FluentBuilder {
    server.client.list_objects_v2().bucket(&server.bucket)
}

async fn put_each(server: &Server, keys: &[&str]) {
    for key in keys {
        server.put(key, *key).await;
    }
}

fn keys(page: &ListObjectsV2Output) -> Vec<&str> {
    let objects = page.contents().iter();
    objects.filter_map(|object| object.key()).collect()
}

fn listed(what: &str, seen: &[impl AsRef<str>], wanted: &[&str]) -> Verdict {
    let seen: Vec<&str> = seen.iter().map(AsRef::as_ref).collect();
    ensure(seen == wanted, &format!("{what}: {seen:?}, not {wanted:?}"))
}

/// Where the next page begins.
#[derive(Clone, Copy)]
enum Next {
    /// After the last key of this one, as AssetLab asks.
    StartAfter,
    /// At the token that this one gave.
    Token,
}

/// Keys and common prefixes of all pages, in the order they came.
async fn all_pages(
    server: &Server,
    [prefix, delimiter]: [&str; 2],
    max_keys: i32,
    next: Next,
) -> Result<Vec<String>, String> {
    let (mut seen, mut after, mut token) = (Vec::<String>::new(), None, None);
    loop {
        let delimiter = Some(delimiter.to_owned()).filter(|delimiter| !delimiter.is_empty());
        let request = list(server).prefix(prefix).set_delimiter(delimiter);
        let request = request.max_keys(max_keys).set_start_after(after);
        let page = request.set_continuation_token(token).send().await.unwrap();
        let folders = page.common_prefixes().iter();
        let mut names: Vec<_> = folders.filter_map(|common| common.prefix()).collect();
        names.extend(keys(&page));
        names.sort_unstable();
        ensure(
            names.len() <= max_keys as usize,
            "a page is longer than asked for",
        )?;
        ensure(
            !names.is_empty() || seen.is_empty(),
            "there is no end to the pages",
        )?;
        seen.extend(names.into_iter().map(str::to_owned));
        if page.is_truncated != Some(true) {
            return Ok(seen);
        }
        (after, token) = match next {
            Next::StartAfter => (seen.last().cloned(), None),
            Next::Token => (None, page.next_continuation_token),
        };
    }
}

pub(crate) async fn keys_come_in_the_order_of_their_bytes(server: &Server) -> Verdict {
    let mut wanted = ["a", "a/b", "a//b", "a0", "B", "é", "z", "日本", "+ %"];
    put_each(server, &wanted).await;
    wanted.sort_unstable();
    let page = list(server).send().await.unwrap();
    listed("keys", &keys(&page), &wanted)?;
    let object = &page.contents()[0];
    expect("the size", object.size().unwrap(), wanted[0].len() as i64)?;
    ensure(
        object.e_tag().is_some() && object.last_modified().is_some(),
        "an object's ETag or its age is not listed",
    )
}

async fn pages(server: &Server, next: Next) -> Verdict {
    let mut wanted = ["a", "a/b", "a//b", "a0", "B", "é", "z", "日本", "+ %"];
    put_each(server, &wanted).await;
    wanted.sort_unstable();
    for max_keys in [1, 2, 3, 1000] {
        let seen = all_pages(server, ["", ""], max_keys, next).await?;
        listed(&format!("{max_keys} a page"), &seen, &wanted)?;
    }
    Ok(())
}

pub(crate) async fn a_page_starts_after_a_key(server: &Server) -> Verdict {
    pages(server, Next::StartAfter).await
}

pub(crate) async fn a_page_goes_on_from_a_token(server: &Server) -> Verdict {
    pages(server, Next::Token).await
}

pub(crate) async fn a_delimiter_folds_folders(server: &Server) -> Verdict {
    let stored = ["a", "v/1/x", "v/1/y", "v/2/x", "v/3", "v/é/x", "w/1"];
    put_each(server, &stored).await;
    for max_keys in [1, 2, 1000] {
        let top = all_pages(server, ["", "/"], max_keys, Next::Token).await?;
        listed("the top", &top, &["a", "v/", "w/"])?;
        let inner = all_pages(server, ["v/", "/"], max_keys, Next::Token).await?;
        listed("a folder", &inner, &["v/1/", "v/2/", "v/3", "v/é/"])?;
    }
    let page = list(server).prefix("v/1/").send().await.unwrap();
    listed("a prefix", &keys(&page), &["v/1/x", "v/1/y"])
}

pub(crate) async fn a_list_may_be_empty(server: &Server) -> Verdict {
    put_each(server, &["a", "b", "c"]).await;
    let page = list(server)
        .start_after("aa")
        .max_keys(1)
        .send()
        .await
        .unwrap();
    listed("after aa", &keys(&page), &["b"])?;
    ensure(
        page.is_truncated == Some(true),
        "it does not say that there is more",
    )?;
    for nothing in [list(server).prefix("x"), list(server).start_after("c")] {
        let page = nothing.send().await.unwrap();
        expect("keys", page.key_count.unwrap_or(-1), 0)?;
        ensure(
            page.is_truncated == Some(false),
            "it says that there is more",
        )?;
    }
    Ok(())
}

pub(crate) async fn a_list_of_no_keys(server: &Server) -> Verdict {
    put_each(server, &["a", "b"]).await;
    let page = list(server).max_keys(0).send().await.unwrap();
    expect("keys", page.key_count.unwrap_or(-1), 0)?;
    ensure(
        page.is_truncated == Some(false),
        "it says that there is more",
    )
}

pub(crate) async fn a_token_of_somebody_else_is_refused(server: &Server) -> Verdict {
    let bad = list(server)
        .continuation_token("not one of ours")
        .send()
        .await;
    expect("the list", answer(bad), "400 InvalidArgument")
}

pub(crate) async fn keys_can_be_encoded_for_xml(server: &Server) -> Verdict {
    server.put("a b/%é", "x").await;
    let page = list(server).encoding_type(EncodingType::Url).send().await;
    // AWS writes a space as `+`, as forms do.
    let keys = keys(page.as_ref().unwrap())[0].replace('+', "%20");
    expect("the key", keys.as_str(), "a%20b/%25%C3%A9")
}

pub(crate) async fn more_than_a_thousand_keys_take_more_than_a_page(server: &Server) -> Verdict {
    let stored: Vec<String> = (0..1005).map(|number| format!("k{number:04}")).collect();
    server.put_all(&stored).await;
    let page = list(server).send().await.unwrap();
    expect("keys of the first page", page.contents().len(), 1000)?;
    ensure(
        page.is_truncated == Some(true),
        "it does not say that there is more",
    )?;
    for next in [Next::StartAfter, Next::Token] {
        let seen = all_pages(server, ["", ""], 1000, next).await?;
        ensure(seen == stored, "keys are missing, or come twice")?;
    }
    Ok(())
}
