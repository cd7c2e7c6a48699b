//! Where moto 5.2.5 is known to do something else than S3.

/// Each check with the sentence that comes out.
pub(crate) const DECLARED: &[(&str, &str)] = &[
    // It checks no signatures at all.
    (
        "a link of a part takes the signed length alone",
        "a sixth byte: 200, not 403",
    ),
    // As in "parts are listed in pages".
    (
        "a file goes straight to the server",
        "its parts cannot be listed",
    ),
    (
        "an aborted upload takes nothing more",
        "the completion: 500, not 404 NoSuchUpload",
    ),
    (
        "a completion swaps only what it means",
        "If-Match of another version: accepted, not 412 PreconditionFailed",
    ),
    (
        "a key of more than 1024 bytes is refused",
        "1,025 bytes: accepted, not 400 KeyTooLongError",
    ),
    (
        "a wrong md5 is refused",
        "MD5 of other bytes: accepted, not 400 BadDigest",
    ),
    (
        "a wrong checksum is refused",
        "CRC-32 of other bytes: accepted, not 400 BadDigest",
    ),
    (
        "parts in disorder are refused",
        "2 before 1: accepted, not 400 InvalidPartOrder",
    ),
    (
        "a part named twice is refused",
        "1 and 1: accepted, not 400 InvalidPartOrder",
    ),
    (
        "a completion that names another size is refused",
        "5 bytes in place of 4: accepted, not 400 InvalidRequest",
    ),
    (
        "a completion sent twice is answered twice",
        "once the object is another: 500, not 404 NoSuchUpload",
    ),
    (
        "uploads are listed in order",
        "[\"b\", \"a\", \"c\", \"b\", \"other\"], not [\"a\", \"b\", \"b\", \"c\", \"other\"]",
    ),
    (
        "parts are listed in pages",
        "a page: an answer that cannot be read, not accepted",
    ),
    (
        "part numbers go from 1 to 10000",
        "part 0: 404 NoSuchUpload, not 400 InvalidArgument",
    ),
    (
        "a token of somebody else is refused",
        "the list: accepted, not 400 InvalidArgument",
    ),
];
