//! A look at an MP4's index before libav sees it (ISO/IEC 14496-12).
//!
//! Two things libav does not tell: that a file it cannot open is encrypted, and how much memory
//! an index will take: a table of a few bytes can stand for billions of samples.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// What an index says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// The samples of some track are encrypted.
    pub(super) is_encrypted: bool,
    /// Entries that libav will make for it, in all tracks; the most if that cannot be told.
    pub(super) entries: u64,
}

/// Sample entries of protected tracks: Common Encryption (ISO/IEC 23001-7) and iTunes.
const ENCRYPTED: [&[u8; 4]; 4] = [b"encv", b"enca", b"drmi", b"drms"];

/// Boxes that libav descends into wherever it meets them; a `trak` is treated apart.
const CONTAINERS: [&[u8; 4]; 14] = [
    b"edts", b"mdia", b"minf", b"dinf", b"stbl", b"moof", b"traf", b"mvex", b"udta", b"ipro",
    b"sinf", b"schi", b"wave", b"gmhd",
];

/// Boxes looked at before giving up: sound files have dozens.
const MAX_BOXES: u32 = 10_000;
/// libav descends no further.
const MAX_DEPTH: u32 = 10;

/// The fewest samples of uncompressed sound that libav makes an entry of.
const MIN_PCM_SAMPLES: u64 = 160;

/// Reads the index as far as it goes; what is no MP4 has none.
///
/// # Errors
/// If the reader fails.
pub(super) fn inspect(reader: &mut (impl Read + Seek), len_bytes: u64) -> io::Result<Facts> {
    let mut walk = Walk {
        reader,
        boxes_left: MAX_BOXES,
        depth: 0,
        facts: Facts::default(),
        track: Track::default(),
    };
    match walk.file(len_bytes) {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
        _ => walk.reader.rewind()?,
    }
    if walk.boxes_left == 0 {
        walk.facts.entries = u64::MAX;
    }
    Ok(walk.facts)
}

struct Walk<'a, R> {
    reader: &'a mut R,
    boxes_left: u32,
    depth: u32,
    facts: Facts,
    track: Track,
}

#[derive(Default)]
struct Track {
    is_sound: bool,
    /// All samples last one tick, as those of uncompressed sound do: libav counts its chunks.
    has_unit_durations: bool,
    samples: u64,
    chunks: u64,
    /// Runs of chunks of one length: where their table is, and how many.
    runs: (u64, u32),
    edits: u64,
}

struct Header {
    kind: [u8; 4],
    content: u64,
    end: u64,
}

impl<R: Read + Seek> Walk<'_, R> {
    fn file(&mut self, len_bytes: u64) -> io::Result<()> {
        let mut at = 0;
        while let Some(header) = self.header(at, len_bytes)? {
            if header.kind == *b"moov" {
                return self.children(header.content, header.end);
            }
            at = header.end;
        }
        Ok(())
    }

    fn children(&mut self, start: u64, end: u64) -> io::Result<()> {
        if self.depth == MAX_DEPTH {
            return Ok(());
        }
        self.depth += 1;
        let mut at = start;
        while let Some(Header { kind, content, end }) = self.header(at, end)? {
            match &kind {
                b"trak" => {
                    let outer = std::mem::take(&mut self.track);
                    self.children(content, end)?;
                    let entries = self.entries()?;
                    self.facts.entries = self.facts.entries.saturating_add(entries);
                    self.track = outer;
                }
                kind if CONTAINERS.contains(&kind) => self.children(content, end)?,
                // A compressed index (QuickTime): what is in it, nobody knows.
                b"cmov" => self.facts.entries = u64::MAX,
                b"hdlr" => {
                    let [_, _, handler] = self.words(content)?;
                    self.track.is_sound = handler.to_be_bytes() == *b"soun";
                }
                b"elst" => self.track.edits = self.words::<2>(content)?[1].into(),
                b"stts" => {
                    let [_, runs, _, duration] = self.words(content)?;
                    self.track.has_unit_durations = (runs, duration) == (1, 1);
                }
                b"stsz" | b"stz2" => self.track.samples = self.words::<3>(content)?[2].into(),
                b"stco" | b"co64" => self.track.chunks = self.words::<2>(content)?[1].into(),
                b"stsc" => self.track.runs = (content + 8, self.words::<2>(content)?[1]),
                // Version, flags and a count, then the sample entries.
                b"stsd" => self.children(content + 8, end)?,
                entry => self.facts.is_encrypted |= ENCRYPTED.contains(&entry),
            }
            at = end;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Of the track that was walked. libav copies what an edit shows.
    fn entries(&mut self) -> io::Result<u64> {
        let entries = match self.track.is_sound && self.track.has_unit_durations {
            true => {
                let samples = u64::from(self.longest_chunk()?).saturating_mul(self.track.chunks);
                samples / MIN_PCM_SAMPLES
            }
            false => self.track.samples,
        };
        Ok(entries.saturating_mul(self.track.edits.max(1)))
    }

    /// In samples.
    fn longest_chunk(&mut self) -> io::Result<u32> {
        let (table, count) = self.track.runs;
        self.reader.seek(SeekFrom::Start(table))?;
        let mut reader = BufReader::new(&mut self.reader);
        let mut longest = 0;
        for _ in 0..count {
            let mut run = [0; 12];
            if reader.read_exact(&mut run).is_err() {
                break;
            }
            // First chunk, samples in each, sample description.
            let [_, _, _, _, a, b, c, d, ..] = run;
            longest = longest.max(u32::from_be_bytes([a, b, c, d]));
        }
        Ok(longest)
    }

    /// The box at `at`; `None` where its parent ends, or too many have been seen.
    fn header(&mut self, at: u64, parent_end: u64) -> io::Result<Option<Header>> {
        if at.saturating_add(8) > parent_end || self.boxes_left == 0 {
            return Ok(None);
        }
        self.boxes_left -= 1;
        let [len, kind] = self.words(at)?;
        let (header_len, len) = match len {
            0 => (8, parent_end - at),
            1 => {
                let [high, low] = self.words(at + 8)?;
                (16, u64::from(high) << 32 | u64::from(low))
            }
            len => (8, u64::from(len)),
        };
        Ok(Some(Header {
            kind: kind.to_be_bytes(),
            content: at + header_len,
            end: at.saturating_add(len.max(header_len)).min(parent_end),
        }))
    }

    fn words<const COUNT: usize>(&mut self, at: u64) -> io::Result<[u32; COUNT]> {
        self.reader.seek(SeekFrom::Start(at))?;
        let mut words = [0; COUNT];
        for word in &mut words {
            let mut bytes = [0; 4];
            self.reader.read_exact(&mut bytes)?;
            *word = u32::from_be_bytes(bytes);
        }
        Ok(words)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn mp4_box(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [
            &(content.len() as u32 + 8).to_be_bytes(),
            &kind[..],
            content,
        ]
        .concat()
    }

    fn full_box(kind: &[u8; 4], words: &[u32]) -> Vec<u8> {
        let words: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        mp4_box(kind, &[&[0; 4][..], &words].concat())
    }

    fn track(
        entry: &[u8; 4],
        handler: &[u8; 4],
        duration: u32,
        samples: u32,
        edits: u32,
    ) -> Vec<u8> {
        let stsd = mp4_box(b"stsd", &[&[0; 8][..], &mp4_box(entry, &[0; 78])].concat());
        let stts = full_box(b"stts", &[1, samples, duration]);
        let stsz = full_box(b"stsz", &[4, samples]);
        let stsc = full_box(b"stsc", &[2, 1, 10, 1, 2, samples / 1000, 1]);
        let stco = full_box(b"stco", &[1000]);
        let stbl = mp4_box(b"stbl", &[stsd, stts, stsc, stsz, stco].concat());
        let hdlr = full_box(b"hdlr", &[0, u32::from_be_bytes(*handler)]);
        let mdia = mp4_box(b"mdia", &[hdlr, mp4_box(b"minf", &stbl)].concat());
        let edts = mp4_box(b"edts", &full_box(b"elst", &[edits]));
        mp4_box(b"trak", &[edts, mdia].concat())
    }

    fn film(tracks: &[Vec<u8>]) -> Vec<u8> {
        let moov = mp4_box(b"moov", &tracks.concat());
        [mp4_box(b"ftyp", b"isom"), mp4_box(b"mdat", &[0; 100]), moov].concat()
    }

    fn facts(bytes: &[u8]) -> Facts {
        inspect(&mut Cursor::new(bytes), bytes.len() as u64).unwrap()
    }

    #[test]
    fn the_sample_entry_tells_what_is_encrypted() {
        let picture = track(b"avc1", b"vide", 512, 10, 1);
        for (entry, is_encrypted) in [(b"encv", true), (b"enca", true), (b"mp4a", false)] {
            let film = film(&[picture.clone(), track(entry, b"soun", 1024, 10, 1)]);
            assert_eq!(facts(&film).is_encrypted, is_encrypted);
        }
    }

    #[test]
    fn an_index_is_as_large_as_what_it_stands_for() {
        let picture = track(b"avc1", b"vide", 512, 90_000, 0);
        let hour_of_pcm = track(b"sowt", b"soun", 1, 3600 * 48_000, 1);
        let entries = facts(&film(&[picture, hour_of_pcm])).entries;
        assert_eq!(entries, 90_000 + 3600 * 48_000 / 160);
        let bomb = track(b"avc1", b"vide", 1, u32::MAX, 3);
        assert_eq!(
            facts(&film(std::slice::from_ref(&bomb))).entries,
            3 * u64::from(u32::MAX)
        );
        // A track within a track takes nothing from it.
        let small = track(b"avc1", b"vide", 1, 9, 1);
        let nested = mp4_box(b"trak", &[&bomb[8..], &small].concat());
        assert_eq!(facts(&film(&[nested])).entries, 3 * u64::from(u32::MAX) + 9);
    }

    #[test]
    fn no_file_keeps_it_busy_or_breaks_it() {
        assert_eq!(facts(b""), Facts::default());
        assert_eq!(facts(&[0; 1000]), Facts::default());
        assert_eq!(facts(&mp4_box(b"moov", &[0xff; 100])), Facts::default());
        let film = film(&[track(b"encv", b"vide", 1, 9, 1)]);
        let empty_boxes = mp4_box(b"free", b"").repeat(50_000);
        let hidden = facts(&[empty_boxes, film.clone()].concat());
        assert_eq!(hidden.entries, u64::MAX);
        for len in 0..film.len() {
            facts(&film[..len]);
        }
        let nested = (0..9_000).fold(Vec::new(), |inner, _| mp4_box(b"udta", &inner));
        assert_eq!(facts(&mp4_box(b"moov", &nested)), Facts::default());
    }
}
