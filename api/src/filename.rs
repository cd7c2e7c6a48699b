//! The name an uploader gave the file: how forms write it, and what a download is called. What is kept
//! of it, the store decides.

/// What a file is called whose name says nothing.
const UNNAMED: &str = "video";

/// The name as the user sees it, from what a form says.
pub(crate) fn unescape(sent: &str) -> String {
    // Forms escape these three and nothing else (HTML, "multipart/form-data encoding algorithm").
    sent.replace("%22", "\"")
        .replace("%0D", "\r")
        .replace("%0A", "\n")
}

/// What a rendition of the upload `filename` is saved as: the same name, as the MP4 file that it is.
pub(crate) fn of_download(filename: &str) -> String {
    let stem = filename.rfind('.').map_or(filename, |dot| &filename[..dot]);
    let stem = if stem.is_empty() { UNNAMED } else { stem };
    format!("{stem}.mp4")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_escape_quotes_and_line_ends_only() {
        assert_eq!(
            unescape("say %22hi%22%0D%0A%20.mp4"),
            "say \"hi\"\r\n%20.mp4"
        );
    }

    #[test]
    fn downloads_are_mp4() {
        assert_eq!(of_download("holiday.mov"), "holiday.mp4");
        assert_eq!(of_download("holiday"), "holiday.mp4");
        assert_eq!(of_download(".mov"), "video.mp4");
    }
}
