//! A picture scaled down, and many of them on a sheet.

use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;

/// A small picture: its planes of 8-bit 4:2:0, one after the other, without room between rows.
pub(super) struct Tile(Vec<u8>);

/// Black, limited range.
const BLACK: [u8; 3] = [16, 128, 128];

impl Tile {
    pub(super) fn of(picture: &frame::Video) -> Self {
        let mut bytes = Vec::new();
        for plane in 0..3 {
            let (width, height) = plane_size(picture, plane);
            let rows = picture.data(plane).chunks(picture.stride(plane));
            rows.take(height)
                .for_each(|row| bytes.extend_from_slice(&row[..width]));
        }
        Self(bytes)
    }

    /// The plane of luma: two thirds of it.
    pub(super) fn luma(&self) -> &[u8] {
        &self.0[..self.0.len() / 3 * 2]
    }

    pub(super) fn chroma(&self) -> &[u8] {
        &self.0[self.0.len() / 3 * 2..]
    }
}

#[cfg(test)]
impl Tile {
    /// One whose luma and chroma are these.
    pub(super) fn drawn(luma: &[u8], chroma: u8) -> Self {
        Self([luma, &vec![chroma; luma.len() / 2]].concat())
    }
}

/// Lays tiles of one even size out in rows.
pub(super) fn sheet<'a>(
    tiles: impl ExactSizeIterator<Item = &'a Tile>,
    (tile_width_px, tile_height_px): (u32, u32),
    columns: u32,
) -> frame::Video {
    let rows = (tiles.len() as u32).div_ceil(columns);
    let (width_px, height_px) = (columns * tile_width_px, rows * tile_height_px);
    let mut sheet = frame::Video::new(Pixel::YUV420P, width_px, height_px);
    for (plane, black) in BLACK.into_iter().enumerate() {
        sheet.data_mut(plane).fill(black);
    }
    for (index, tile) in (0..).zip(tiles) {
        let (column, row) = (index % columns as usize, index / columns as usize);
        let mut rest = &tile.0[..];
        for plane in 0..3 {
            let halved = u32::from(plane > 0);
            let width = (tile_width_px >> halved) as usize;
            let height = (tile_height_px >> halved) as usize;
            let stride = sheet.stride(plane);
            let (bytes, after) = rest.split_at(width * height);
            let to = sheet.data_mut(plane).chunks_mut(stride);
            for (to, from) in to.skip(row * height).zip(bytes.chunks(width)) {
                to[column * width..][..width].copy_from_slice(from);
            }
            rest = after;
        }
    }
    sheet
}

fn plane_size(picture: &frame::Video, plane: usize) -> (usize, usize) {
    let halved = u32::from(plane > 0);
    let side = |px: u32| (px >> halved) as usize;
    (side(picture.width()), side(picture.height()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_has_each_tile_in_its_place_and_black_where_there_is_none() {
        let tiles = [50, 100, 150].map(|luma| Tile::drawn(&[luma; 8], luma + 1));
        let sheet = sheet(tiles.iter(), (4, 2), 2);
        assert_eq!((sheet.width(), sheet.height()), (8, 4));
        let row = |plane: usize, row: usize, len: usize| {
            sheet.data(plane)[row * sheet.stride(plane)..][..len].to_vec()
        };
        assert_eq!(row(0, 1, 8), [50, 50, 50, 50, 100, 100, 100, 100]);
        assert_eq!(row(0, 2, 8), [150, 150, 150, 150, 16, 16, 16, 16]);
        assert_eq!(row(1, 0, 4), [51, 51, 101, 101]);
        assert_eq!(row(2, 1, 4), [151, 151, 128, 128]);
    }

    #[test]
    fn a_tile_has_what_the_picture_has() {
        let mut picture = frame::Video::new(Pixel::YUV420P, 6, 4);
        for (plane, value) in [7, 8, 9].into_iter().enumerate() {
            // Room beyond the rows is no part of it.
            picture.data_mut(plane).fill(0);
            let (stride, (width, height)) = (picture.stride(plane), plane_size(&picture, plane));
            for row in 0..height {
                picture.data_mut(plane)[row * stride..][..width].fill(value);
            }
        }
        let tile = Tile::of(&picture);
        assert_eq!(tile.luma(), [7; 24]);
        assert_eq!(tile.chroma(), [[8; 6], [9; 6]].concat());
    }
}
