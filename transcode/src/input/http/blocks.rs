//! What is fetched at a time and what is kept: pure, no network.
//!
//! A read that runs on fetches ever larger windows; a seek fetches little until it, too, runs on.
//! Several places of a file run on side by side, as the picture and the sound of a badly
//! interleaved one.

use std::collections::BTreeMap;
use std::ops::Range;

/// Length of a block in bytes, but for the file's last.
pub(super) const BLOCK_LEN: u64 = 256 * 1024;
/// 8 MiB.
const MAX_WINDOW_BLOCKS: u64 = 32;
/// Places that can run on at once.
const MAX_RUNS: usize = 4;
/// A whole window of each run: 32 MiB.
const MAX_BLOCKS: usize = MAX_RUNS * MAX_WINDOW_BLOCKS as usize;

/// The blocks that were fetched, by their number in the file.
#[derive(Default)]
pub(super) struct Blocks {
    blocks: BTreeMap<u64, Block>,
    /// The one that was continued last is the last.
    runs: Vec<Run>,
    uses: u64,
}

struct Block {
    bytes: Vec<u8>,
    last_used: u64,
    /// Its end was read: the rest of the file is more likely to be wanted.
    is_spent: bool,
}

/// Reads that go on where they ended.
struct Run {
    /// The first block that is not fetched yet.
    next: u64,
    window_blocks: u64,
}

impl Blocks {
    /// Reads from one block, at most to its end; `None` if it is not here.
    pub(super) fn read(&mut self, position_bytes: u64, buffer: &mut [u8]) -> Option<usize> {
        let block = self.blocks.get_mut(&(position_bytes / BLOCK_LEN))?;
        self.uses += 1;
        block.last_used = self.uses;
        let available = block.bytes.get((position_bytes % BLOCK_LEN) as usize..)?;
        let len = available.len().min(buffer.len());
        buffer[..len].copy_from_slice(&available[..len]);
        block.is_spent |= len == available.len();
        Some(len)
    }

    /// Which blocks to fetch for a read from block `first`, which is not here.
    pub(super) fn window(&mut self, first: u64) -> Range<u64> {
        let run = self.runs.iter().position(|run| run.next == first);
        let window_blocks = match run {
            Some(at) => (self.runs.remove(at).window_blocks * 2).min(MAX_WINDOW_BLOCKS),
            None => 1,
        };
        let wanted = first..first + window_blocks;
        let kept = self.blocks.range(wanted.clone()).next();
        let end = kept.map_or(wanted.end, |(at, _)| *at);
        let mut next = end;
        while self.blocks.contains_key(&next) {
            next += 1;
        }
        // Where one run meets what another fetched, they are one.
        self.runs.retain(|run| run.next != next);
        self.runs.push(Run {
            next,
            window_blocks,
        });
        if self.runs.len() > MAX_RUNS {
            self.runs.remove(0);
        }
        first..end
    }

    /// Takes what was fetched from block `first` on, and lets go of what is least likely to be
    /// read again.
    pub(super) fn keep(&mut self, first: u64, bytes: &[u8]) {
        for (at, bytes) in (first..).zip(bytes.chunks(BLOCK_LEN as usize)) {
            self.uses += 1;
            let block = Block {
                bytes: bytes.to_vec(),
                last_used: self.uses,
                is_spent: false,
            };
            self.blocks.insert(at, block);
        }
        while self.blocks.len() > MAX_BLOCKS {
            let worth = |block: &Block| (!block.is_spent, block.last_used);
            let least = self.blocks.iter().min_by_key(|(_, block)| worth(block));
            let Some(at) = least.map(|(at, _)| *at) else {
                return;
            };
            self.blocks.remove(&at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads all of block `at`; gives how many blocks were fetched for it.
    fn read(blocks: &mut Blocks, at: u64) -> u64 {
        let mut buffer = vec![0; BLOCK_LEN as usize];
        let mut fetched = 0;
        if blocks.read(at * BLOCK_LEN, &mut buffer).is_none() {
            let window = blocks.window(at);
            fetched = window.end - window.start;
            blocks.keep(at, &vec![at as u8; (fetched * BLOCK_LEN) as usize]);
            assert!(blocks.read(at * BLOCK_LEN, &mut buffer).is_some());
        }
        fetched
    }

    fn fetches(blocks: &mut Blocks, reads: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let fetched = reads.into_iter().map(|at| read(blocks, at));
        fetched.filter(|len| *len > 0).collect()
    }

    #[test]
    fn windows_grow_while_reads_run_on() {
        let mut blocks = Blocks::default();
        assert_eq!(
            fetches(&mut blocks, 0..100),
            [1, 2, 4, 8, 16, 32, 32, 32],
            "from the start"
        );
        assert_eq!(fetches(&mut blocks, [500, 501, 502]), [1, 2], "a seek");
        assert_eq!(fetches(&mut blocks, 127..129), [32], "where it was");
    }

    #[test]
    fn places_far_apart_run_on_side_by_side() {
        let mut blocks = Blocks::default();
        let turns = (0..400).flat_map(|at| [at, 10_000 + at, 20_000 + at, 30_000 + at]);
        let fetched = fetches(&mut blocks, turns);
        assert!(fetched.len() < 4 * 20, "{} requests", fetched.len());
        assert!(
            fetched.iter().sum::<u64>() < 4 * (400 + 32),
            "nothing is fetched twice"
        );
        assert!(blocks.blocks.len() <= MAX_BLOCKS);
    }

    #[test]
    fn what_waits_to_be_read_outlives_what_was_read() {
        let mut blocks = Blocks::default();
        fetches(&mut blocks, 0..32);
        // Block 32 on were fetched ahead; far more than the cache holds is read elsewhere.
        fetches(&mut blocks, 1_000..2_000);
        assert!(fetches(&mut blocks, 32..63).is_empty());
    }

    #[test]
    fn a_window_ends_where_the_next_block_is_here() {
        let mut blocks = Blocks::default();
        read(&mut blocks, 5);
        assert_eq!(fetches(&mut blocks, 0..8), [1, 2, 2, 8]);
    }
}
