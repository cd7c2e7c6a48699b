//! Mutations that know what a container looks like. Changing any byte of a megabyte mostly damages
//! a picture; what demuxers stumble over is in the few bytes that say how the rest is to be read.

mod format;
mod rng;

use format::{Format, Node};
use libfuzzer_sys::fuzzer_mutate;
use rng::Rng;

/// Most copies of one element that one mutation makes.
const MAX_COPIES: usize = 8;
/// Fields of headers lie here; beyond is mostly media.
const HEADER_LEN: usize = 128;

/// libFuzzer's custom mutator: changes `data[..size]` in place and gives the new size.
pub(crate) fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut rng = Rng::new(seed);
    let format = Format::of(&data[..size]);
    let nodes = format.nodes(&data[..size]);
    if nodes.is_empty() || rng.one_in(6) {
        return fuzzer_mutate(data, size, max_size);
    }
    let mut bytes = data[..size].to_vec();
    let node = &nodes[rng.below(nodes.len())];
    match rng.below(8) {
        0 => format.write_size(&mut bytes, node, rng.interesting(node.len() as u64)),
        1 => swap_kinds(&mut bytes, node, &nodes[rng.below(nodes.len())]),
        2 => {
            let copies = bytes[node.start..node.end].repeat(1 + rng.below(MAX_COPIES));
            replace(
                format,
                &mut bytes,
                &nodes,
                node,
                node.end..node.end,
                &copies,
            );
        }
        3 => replace(format, &mut bytes, &nodes, node, node.start..node.end, &[]),
        4 => {
            let other = &nodes[rng.below(nodes.len())];
            let content = bytes[other.start..other.end].to_vec();
            replace(
                format,
                &mut bytes,
                &nodes,
                node,
                node.start..node.end,
                &content,
            );
        }
        5 => bytes.truncate(node.start + rng.below(node.end - node.start + 1)),
        6 => poke(&mut bytes, node, &mut rng),
        _ => mutate_content(format, &mut bytes, &nodes, node, &mut rng),
    }
    // Most demuxers read on after a wrong sum only at the next right one.
    format.mend_sums(&mut bytes);
    bytes.truncate(max_size);
    data[..bytes.len()].copy_from_slice(&bytes);
    bytes.len()
}

fn swap_kinds(bytes: &mut [u8], node: &Node, other: &Node) {
    let len = node.kind.len().min(other.kind.len());
    for at in 0..len {
        bytes.swap(node.kind.start + at, other.kind.start + at);
    }
}

/// Puts other bytes in a range, and makes all that enclose `node` longer or shorter with it.
fn replace(
    format: Format,
    bytes: &mut Vec<u8>,
    nodes: &[Node],
    node: &Node,
    range: std::ops::Range<usize>,
    with: &[u8],
) {
    let enclosing = |outer: &&Node| outer.content <= node.start && node.end <= outer.end;
    for outer in nodes.iter().filter(enclosing) {
        let len = outer.len() + with.len() - range.len();
        format.write_size(bytes, outer, len as u64);
    }
    bytes.splice(range, with.iter().copied());
}

/// Overwrites one number of an element's header with one that breaks arithmetic.
fn poke(bytes: &mut [u8], node: &Node, rng: &mut Rng) {
    let end = node.end.min(node.content + HEADER_LEN);
    let width = [1, 2, 4, 8][rng.below(4)];
    if end < node.content + width {
        return;
    }
    let at = node.content + rng.below(end - node.content - width + 1);
    let field = &mut bytes[at..at + width];
    let now = field
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    field.copy_from_slice(&rng.interesting(now).to_be_bytes()[8 - width..]);
    if rng.one_in(2) {
        field.reverse();
    }
}

/// libFuzzer's own mutations, kept within one element.
fn mutate_content(format: Format, bytes: &mut Vec<u8>, nodes: &[Node], node: &Node, rng: &mut Rng) {
    let content = node.content..node.end;
    let mut changed = bytes[content.clone()].to_vec();
    let len = changed.len();
    changed.resize(len + 1 + rng.below(64), 0);
    let room = changed.len();
    let len = fuzzer_mutate(&mut changed, len, room);
    let changed = &changed[..len];
    let itself = node.len() + len - content.len();
    format.write_size(bytes, node, itself as u64);
    replace(format, bytes, nodes, node, content, changed);
}
